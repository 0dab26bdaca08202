"""The command that exports what a run read, for a data scientist."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.cli.arguments import AddCommand, known_dataflows
from isthmus_platform.cli.lake import named_lake
from isthmus_platform.deployment import load_deployment
from isthmus_platform.export import export_inputs


def add_export_command(add: AddCommand) -> None:
    """Add the command `export-inputs` to a parser."""
    parser = add("export-inputs", _export, "write what a run read as Parquet files")
    parser.add_argument("dataflow", help=known_dataflows())
    parser.add_argument("directory", type=Path, help="where the files are written")
    parser.add_argument("--run", help="a run's id (default: the run of the current release)")


def _export(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    deployment = load_deployment()
    named_lake(deployment)
    for name, rows in export_inputs(deployment, contract, options.directory, options.run):
        console.print(f"wrote {options.directory / name}.parquet, {rows:,} rows")
    return 0
