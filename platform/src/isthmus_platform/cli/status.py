"""The command that shows which dataflows are behind the dataflows that they read."""

from __future__ import annotations

import argparse
import json

from rich.console import Console
from rich.table import Table

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.codec import serialize
from isthmus_platform.cli.arguments import AddCommand, add_format, known_dataflows
from isthmus_platform.cli.command_lines import run_command
from isthmus_platform.cli.lake import named_lake
from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.releases.status import status_of
from isthmus_platform.terminal.printing import print_whole


def add_status_command(add: AddCommand) -> None:
    """Add the command `status` to a parser."""
    parser = add("status", _status, "show which dataflows are behind those that they read")
    parser.add_argument("dataflow", nargs="?", help=f"{known_dataflows()} (default: all)")
    add_format(parser)


def _status(options: argparse.Namespace, console: Console) -> int:
    one = options.dataflow
    contracts = CATALOG.dataflows if one is None else (CATALOG.dataflow(one),)
    lake = named_lake(load_deployment())
    with translated(lake):
        found = [status_of(lake, contract) for contract in contracts]
    if options.format == "json":
        plain = [serialize(status) | {"is_behind": bool(status.behind)} for status in found]
        console.out(json.dumps(plain, indent=2))
        return 0
    grid = Table("dataflow", "current release", "since", "", box=None)
    for status in found:
        release = status.release or "nothing published yet"
        since = (status.since or "")[:19].replace("T", " ")
        grid.add_row(status.dataflow, release, since, "; ".join(map(str, status.behind)))
    print_whole(grid, console)
    for contract, status in zip(contracts, found, strict=True):
        if status.behind:
            again = run_command(options, contract, {})
            console.print(f"to bring {status.dataflow} up to date: {again}", soft_wrap=True)
    return 0
