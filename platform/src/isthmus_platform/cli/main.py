"""Parse the arguments of `isthmus-platform`, and call the command that they name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from isthmus_contracts import ContractError
from isthmus_platform.cli.check import add_check_command
from isthmus_platform.cli.command_lines import PORT, STATE, TRANSFORMS_PYTHON
from isthmus_platform.cli.export_inputs import add_export_command
from isthmus_platform.cli.lake import add_init_command
from isthmus_platform.cli.local import add_local_commands
from isthmus_platform.cli.releases import add_release_commands
from isthmus_platform.cli.rollback import add_rollback_command
from isthmus_platform.cli.status import add_status_command
from isthmus_platform.deployment import FILE_VARIABLE, LOCAL
from isthmus_platform.errors import PlatformError
from isthmus_platform.terminal.printing import terminal

_DESCRIPTION = (
    "Check a deployment, inspect and manage releases, or run dataflows in an Airflow on this "
    "machine alone."
)
_EPILOG = (
    "`isthmus-platform COMMAND --help` explains a command. Exit status: 0 success, 1 a run failed, "
    "2 a mistake in what was given."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 for success, 1 if a run failed, 2 for a mistake."""
    console = terminal()
    options = _parser().parse_args(arguments)
    os.environ["ISTHMUS_STATE"] = str(options.state.resolve())
    os.environ["ISTHMUS_TRANSFORMS_PYTHON"] = str(options.transforms_python.absolute())
    os.environ[FILE_VARIABLE] = str(options.deployment.resolve())
    try:
        return int(options.command(options, console))
    except (PlatformError, ContractError, OSError) as error:
        print(f"isthmus-platform: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="isthmus-platform", description=_DESCRIPTION, epilog=_EPILOG
    )
    variable = os.environ.get
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(variable("ISTHMUS_STATE", STATE)),
        help="where the installation keeps everything (default: $ISTHMUS_STATE or var)",
    )
    parser.add_argument(
        "--deployment",
        type=Path,
        default=Path(variable(FILE_VARIABLE, LOCAL)),
        help=f"the deployment file (default: ${FILE_VARIABLE} or the built-in local.toml)",
    )
    parser.add_argument(
        "--transforms-python",
        type=Path,
        default=Path(variable("ISTHMUS_TRANSFORMS_PYTHON", TRANSFORMS_PYTHON)),
        help="Python of the transforms' environment "
        "(default: $ISTHMUS_TRANSFORMS_PYTHON or transforms/.venv/bin/python)",
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="where a local Airflow listens (default: 8080)"
    )
    commands = parser.add_subparsers(required=True, title="commands", metavar="COMMAND")

    def add(name: str, command: Callable[..., int], meaning: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=meaning, description=meaning)
        sub.set_defaults(command=command)
        return sub

    add_local_commands(add)
    add_check_command(add)
    add_init_command(add)
    add_release_commands(add)
    add_rollback_command(add)
    add_status_command(add)
    add_export_command(add)
    return parser


if __name__ == "__main__":
    sys.exit(main())
