"""The lake of the command line: opening the deployment's, and the command that makes one."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from isthmus_contracts.formatting import printable
from isthmus_platform.cli.arguments import AddCommand
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import create_lake, open_lake


def add_init_command(add: AddCommand) -> None:
    """Add the command `init-lake` to a parser."""
    add("init-lake", _init, "make the deployment's lake, unless it exists; its bucket must exist")


def named_lake(deployment: Deployment) -> Lake:
    """Return the lake of a command, and name it on standard error."""
    lake = open_lake(deployment)
    print(printable(f"lake: {lake.address}"), file=sys.stderr)
    return lake


def _init(options: argparse.Namespace, console: Console) -> int:  # noqa: ARG001 - as every command
    lake = create_lake(load_deployment())
    console.print(printable(f"{lake.address} is a lake"), soft_wrap=True)
    return 0
