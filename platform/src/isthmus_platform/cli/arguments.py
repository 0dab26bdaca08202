"""What the declarations of several commands have in common."""

from __future__ import annotations

import argparse
import getpass
import socket
from collections.abc import Callable
from typing import TypeAlias

from isthmus_contracts.catalog import CATALOG

# Makes a command's parser from the command's name, its function and one line of help.
AddCommand: TypeAlias = Callable[[str, Callable[..., int], str], argparse.ArgumentParser]

SAMPLE_CONNECTION = "nyc_operations"
"""The connection to the sample database, which `demo`, `up` and `run` give their Airflow."""


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses between text for a person and JSON for a program."""
    parser.add_argument("--format", choices=("text", "json"), default="text")


def who() -> str:
    """Return who runs a command, as the log of the pointer names people."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def known_dataflows() -> str:
    """Return the help text of an argument that names a dataflow."""
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)
