"""The command line `isthmus`: compute, describe and draw dataflows without Airflow.

`main` parses the arguments and maps errors to exit codes; `run`, `describe` and `view` are the
commands, one module each.
"""
