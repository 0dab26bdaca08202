from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_platform.cli import main
from isthmus_platform.deployment import LOCAL
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake

Result = tuple[int, str, str]
Publish = Callable[[Lake, str], releases.Release]
COMMANDS = (
    *("demo", "up", "check", "init-lake", "run", "releases", "rollback", "status"),
    *("export-inputs", "show", "diff", "tables", "gc"),
)
Call = Callable[..., Result]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        *[[name] for name in COMMANDS],
    ],
)
def test_every_command_explains_itself(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main.main([*arguments, "--help"])
    assert end.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: isthmus-platform ")
    assert len(output.splitlines()) > 3


def test_the_command_can_be_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "isthmus_platform.cli.main", "releases", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.search("^  dataflow +one of ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly' (choose from"),
        (["run"], "the following arguments are required: dataflow"),
        (["--port", "http", "up"], "argument --port: invalid int value: 'http'"),
        (["releases", "station_days", "--all"], "unrecognized arguments: --all"),
    ],
)
def test_an_unknown_command_or_argument_is_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["releases", "pracel_delays"],
            "unknown dataflow 'pracel_delays'; did you mean 'parcel_delays'?",
        ),
        (["run", "parcel_delays", "-p", "modle=x"], "unknown param 'modle'; did you mean 'model'?"),
        (
            ["run", "parcel_delays", "-p", "test_from_month=13"],
            "param 'test_from_month' is 13; allowed: integer from 2 to 12",
        ),
        (
            ["run", "parcel_delays", "-p", "test_from_month=May"],
            "param 'test_from_month' is 'May'; allowed: integer from 2 to 12",
        ),
        (
            ["rollback", "station_days", "abc"],
            "unknown release 'abc' of dataflow 'station_days.v1'",
        ),
        (
            ["export-inputs", "station_days", "in"],
            "no run has pinned its inputs here; run it first",
        ),
        (["export-inputs", "station_days", "in", "--run", "x"], "no run 'x' has pinned its inputs"),
        (["demo", "--data", "nowhere"], "it contains neither flights.csv nor flights.csv.zip"),
        (
            ["--deployment", "gone.toml", "releases", "station_days"],
            "gone.toml, file: it cannot be",
        ),
    ],
)
def test_a_mistake_is_one_line_and_status_2(call: Call, arguments: list[str], message: str) -> None:
    status, _, error = call(*arguments)
    assert status == 2
    *said, mistake = error.splitlines()
    assert mistake.startswith("isthmus-platform: ")
    assert message in mistake
    assert all(line.startswith("lake: file:///") for line in said)


def test_releases_are_listed_and_rolled_back(lake: Lake, publish: Publish, call: Call) -> None:
    assert "has published nothing yet" in call("releases", "station_days")[1]
    first, second = (publish(lake, run) for run in ("run-1", "run-2"))
    listed = call("releases", "station_days")[1].splitlines()
    assert [line.split()[0:2] for line in listed[1:2]] == [["current", second.id]]
    assert first.id in listed[2]
    assert "days 1" in listed[2]
    assert call("rollback", "station_days", first.id)[0] == 0
    current = releases.current(lake, STATION_DAYS.identity)
    assert current is not None
    assert current.id == first.id


def test_the_built_in_deployment_is_part_of_the_package() -> None:
    assert LOCAL.is_file()
