"""The command that makes an earlier release current again, and says who has read the withdrawn."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from rich.console import Console

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_platform.cli.announce import LOGIN_VARIABLE, Announcer
from isthmus_platform.cli.arguments import AddCommand, known_dataflows, who
from isthmus_platform.cli.command_lines import run_command
from isthmus_platform.cli.lake import named_lake
from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake import releases
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.status import Status, status_of

_MEANING = "make a published release current again, and list the dataflows that read it"
_THIS_MACHINE = "the Airflow on this machine"


def add_rollback_command(add: AddCommand) -> None:
    """Add the command `rollback` to a parser."""
    parser = add("rollback", _rollback, _MEANING)
    parser.add_argument("dataflow", help=known_dataflows())
    parser.add_argument("release", help="the release's id, as `releases` lists it")
    parser.add_argument(
        "--announce",
        nargs="?",
        const=_THIS_MACHINE,
        metavar="URL",
        help="announce it in the Airflow at this address (default: on this machine, at --port), "
        "which starts the dataflows that read it and have no schedule; the login is "
        f"airflow:airflow, or what {LOGIN_VARIABLE} says",
    )


def _rollback(options: argparse.Namespace, console: Console) -> int:
    contract, lake = CATALOG.dataflow(options.dataflow), named_lake(load_deployment())
    identity, release = contract.identity, options.release
    with ExitStack() as session:
        # First, so that nothing is withdrawn if Airflow cannot announce it.
        announcer = session.enter_context(Announcer(_url(options))) if options.announce else None
        releases.roll_back(lake, identity, release, by=who())
        console.print(f"release {release} of {identity} is current")
        readers = _readers(lake, contract)
        for reader, status in readers:
            console.print(f"  {reader.identity} {_read(status)}", soft_wrap=True)
        if announcer is not None:
            announcer.announce(identity, release)
            console.print("announced: Airflow starts the dataflows that read it, unless paused")
            return 0
    for reader, status in readers:
        if status.behind:
            again = run_command(options, reader, {})
            console.print(f"to bring {reader.identity} up to date: {again}", soft_wrap=True)
    return 0


def _url(options: argparse.Namespace) -> str:
    here = options.announce == _THIS_MACHINE
    return f"http://127.0.0.1:{options.port}" if here else str(options.announce)


def _readers(lake: Lake, dataflow: DataflowContract) -> list[tuple[DataflowContract, Status]]:
    with translated(lake):
        return [(reader, status_of(lake, reader)) for reader in CATALOG.readers(dataflow.identity)]


def _read(status: Status) -> str:
    if status.release is None:
        return "reads it, and has published nothing yet"
    return f"is {'; '.join(map(str, status.behind))}" if status.behind else "has read it"
