"""The command that exports what a run read, for a data scientist."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.formatting import printable
from isthmus_platform.cli.arguments import AddCommand, known_dataflows
from isthmus_platform.cli.command_lines import transforms_command
from isthmus_platform.cli.lake import named_lake
from isthmus_platform.deployment import load_deployment
from isthmus_platform.export import export_inputs, find_inputs


def add_export_command(add: AddCommand) -> None:
    """Add the command `export-inputs` to a parser."""
    parser = add("export-inputs", _export, "write what a run read as Parquet files")
    parser.add_argument("dataflow", help=known_dataflows())
    parser.add_argument("directory", type=Path, help="where the files are written")
    parser.add_argument("--run", help="a run's id (default: the last run that has read its inputs)")


def _export(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    deployment, directory = load_deployment(), options.directory
    lake = named_lake(deployment)
    whose, pins = find_inputs(deployment, contract, options.run)
    console.print(printable(f"inputs of {whose}"), soft_wrap=True)
    for name, rows in export_inputs(lake, contract, pins, directory):
        console.print(f"wrote {directory / name}.parquet, {rows:,} rows")
    command = transforms_command(options, contract, directory, pins)
    console.print(f"to compute with the same params: {printable(command)}", soft_wrap=True)
    return 0
