"""Commands to type next, exactly: with the options that this command was given."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from isthmus_contracts import DataflowContract
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.deployment import LOCAL
from isthmus_platform.runs.pins import Pins
from isthmus_platform.terminal.outputs import display_path

STATE, TRANSFORMS_PYTHON, PORT = Path("var"), Path("transforms/.venv/bin/python"), 8080
_DEFAULTS: Mapping[str, object] = {
    "state": STATE,
    "deployment": LOCAL,
    "transforms_python": TRANSFORMS_PYTHON,
    "port": PORT,
}


def platform_command(options: argparse.Namespace, *words: str) -> str:
    """Return a command of `isthmus-platform`, for the installation that the options describe."""
    program = Path(sys.executable).with_name("isthmus-platform")
    given = [
        (f"--{name.replace('_', '-')}", str(getattr(options, name)))
        for name, default in _DEFAULTS.items()
        if getattr(options, name, default) != default
    ]
    return shlex.join([_shown(program), *(word for pair in given for word in pair), *words])


def run_command(
    options: argparse.Namespace, dataflow: DataflowContract, fields: Mapping[str, object]
) -> str:
    """Return the command that runs a dataflow in Airflow; `fields` are those of Airflow's form."""
    return platform_command(options, "run", dataflow.name, *_run_words(fields))


def transforms_command(
    options: argparse.Namespace, dataflow: DataflowContract, directory: Path, pins: Pins
) -> str:
    """Return the command that computes exported inputs without Airflow, with the run's params."""
    defaults = {param.name: param.default for param in dataflow.params}
    fields: dict[str, object] = {
        name: value for name, value in pins.params.items() if value != defaults.get(name)
    }
    if pins.interval is not None:
        days = (str(pins.interval.start), str(pins.interval.end))
        fields |= zip(INTERVAL_FIELDS, days, strict=True)
    program = _shown(options.transforms_python.with_name("isthmus"))
    words = ("run", dataflow.name, "--inputs", str(directory), *_run_words(fields))
    return shlex.join([program, *words])


def _run_words(fields: Mapping[str, object]) -> list[str]:
    words = []
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if name in INTERVAL_FIELDS:
            words += [f"--{name.replace('_', '-')}", text]
        else:
            words += ["-p", f"{name}={text}"]
    return words


def _shown(program: Path) -> str:
    """Return a program as a person would type it here."""
    path = display_path(program.absolute())
    return path if "/" in path else f"./{path}"
