"""What the declarations of several commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

from isthmus_contracts.catalog import CATALOG

# Makes a command's parser from the command's name, its function and one line of help.
AddCommand: TypeAlias = Callable[[str, Callable[..., int], str], argparse.ArgumentParser]

SAMPLE_CONNECTION = "nyc_operations"
"""The connection to the sample database, which `demo`, `up` and `run` give their Airflow."""


def known_dataflows() -> str:
    """Return the help text of an argument that names a dataflow."""
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)
