from __future__ import annotations

import argparse
import shlex
import sys
from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Interval
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS
from isthmus_platform.cli.command_lines import platform_command, run_command, transforms_command
from isthmus_platform.deployment import LOCAL
from isthmus_platform.runs.pins import Pins


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """Return the options before a command, as they are by default, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "platform/.venv/bin/python"))
    return argparse.Namespace(
        state=Path("var"),
        deployment=LOCAL,
        transforms_python=Path("transforms/.venv/bin/python"),
        port=8080,
    )


def test_a_command_names_the_program_as_one_types_it(options: argparse.Namespace) -> None:
    assert platform_command(options, "status") == "platform/.venv/bin/isthmus-platform status"


def test_a_program_in_the_working_directory_or_elsewhere_can_be_typed_too(
    options: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert platform_command(options, "status") == "/elsewhere/isthmus-platform status"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert platform_command(options, "status") == "./isthmus-platform status"


def test_options_that_were_given_are_repeated(options: argparse.Namespace) -> None:
    options.state, options.port = Path("my state"), 8123
    words = shlex.split(platform_command(options, "run", "x"))
    assert words[1:] == ["--state", "my state", "--port", "8123", "run", "x"]


def test_params_and_interval_go_with_a_run(options: argparse.Namespace) -> None:
    fields = {
        "model": "it's",
        "seed": 3,
        "fast": True,
        "interval_start": "2013-01-01",
        "interval_end": "2013-02-01",
    }
    words = shlex.split(run_command(options, PARCEL_DELAYS, fields))
    assert words[1:] == [
        *("run", "parcel_delays", "-p", "model=it's", "-p", "seed=3", "-p", "fast=true"),
        *("--interval-start", "2013-01-01", "--interval-end", "2013-02-01"),
    ]


def test_params_that_are_not_the_default_go_with_a_run_without_airflow(
    options: argparse.Namespace,
) -> None:
    defaults = {param.name: param.default for param in PARCEL_DELAYS.params}
    pins = Pins({**defaults, "model": "boosting"}, {})
    assert transforms_command(options, PARCEL_DELAYS, Path("out/inputs"), pins) == (
        "transforms/.venv/bin/isthmus run parcel_delays --inputs out/inputs -p model=boosting"
    )


def test_the_interval_goes_with_a_run_without_airflow(options: argparse.Namespace) -> None:
    pins = Pins({}, {}, Interval(date(2013, 1, 1), date(2013, 2, 1)))
    words = shlex.split(transforms_command(options, COURIER_DAYS, Path("in"), pins))
    assert words[3:] == [
        *("--inputs", "in"),
        *("--interval-start", "2013-01-01", "--interval-end", "2013-02-01"),
    ]
