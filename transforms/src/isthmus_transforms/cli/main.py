"""`isthmus`: compute, describe and draw dataflows without Airflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from isthmus_contracts import ContractError
from isthmus_contracts.formatting import printable, printable_lines
from isthmus_transforms.cli.describe import describe, parse_describe
from isthmus_transforms.cli.run import parse_run, run
from isthmus_transforms.cli.view import parse_view, view
from isthmus_transforms.errors import ImportFailedError, NodeError, UserError, WorkerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Return 0 on success, 1 if a function failed, 2 if the command, the input or the dataflow is
    wrong.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    try:
        options = _parse(list(sys.argv[1:] if arguments is None else arguments))
        command = {"run": run, "describe": describe, "view": view}[options.command]
        command(options, console)
    except (NodeError, ImportFailedError) as error:
        print(printable_lines(error.traceback), file=sys.stderr)
        print(printable(f"isthmus: {error}"), file=sys.stderr)
        return 1 if isinstance(error, NodeError) else 2
    except WorkerError as error:
        print(printable(f"isthmus: {error}"), file=sys.stderr)
        return 1
    except (UserError, ContractError, OSError) as error:
        print(printable(f"isthmus: {error}"), file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    commands = {"run": parse_run, "describe": parse_describe, "view": parse_view}
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    parser = argparse.ArgumentParser(
        prog="isthmus",
        description="Compute, describe and draw dataflows without Airflow.",
        epilog="Each command has its own --help; `isthmus run DATAFLOW --help` lists the params.",
    )
    known = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    known.add_parser("run", help="compute a dataflow's outputs from Parquet files")
    known.add_parser("describe", help="show a dataflow's contract and its functions")
    known.add_parser("view", help="draw a dataflow's functions as SVG or HTML")
    return parser.parse_args(arguments)
