"""The command line, `isthmus-platform`.

`main` parses the arguments and calls a command. Production commands: `check` (with `engines` and
`airflow_objects`), `lake` (`init-lake`), `releases` (with `show`, `diff`, `tables` and `gc`),
`rollback`, `status` and `export_inputs`. Commands of an Airflow on this machine alone: `local`
declares `demo`, `up` and `run`, `local_commands` runs them. `command_lines` says what to type next.
"""
