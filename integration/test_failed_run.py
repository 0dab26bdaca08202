"""The messages for runs that fail or cannot start, and for withdrawn releases."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import FLIGHT_DELAYS, ROOT, TRANSFORMS_PYTHON, Airflow, environment, eventually

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.storage import DiskStore

PLATFORM = ROOT / "platform" / ".venv" / "bin" / "isthmus-platform"
CONNECTION = 'connection = "nyc_operations"'
AIRPORT_DAYS = "airport_days.v1"
Edit = Callable[..., tuple[str, str]]


def platform(airflow: Airflow, *arguments: str, status: int = 0, folder: Path | None = None) -> str:
    """Return what a command printed for the installation that is up; expect its status."""
    options = ["--state", str(airflow.state)]
    options += ["--deployment", str(airflow.installation.deployment)]
    options += ["--transforms-python", str(TRANSFORMS_PYTHON)]
    return _output([str(PLATFORM), *options, *arguments], status, folder)


def _output(command: list[str], status: int = 0, folder: Path | None = None) -> str:
    done = subprocess.run(
        command,
        env={**environment(), "COLUMNS": "300"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stdout + done.stderr  # commands name the lake there


def shown(said: str, meaning: str) -> list[str]:
    """Return the words of the command that was printed above its meaning."""
    lines = said.splitlines()
    return shlex.split(lines[lines.index(f"      {meaning}") - 1])


@pytest.fixture
def connections(airflow: Airflow) -> Iterator[None]:
    """Store a connection to a database that is not there, and one of an unknown type."""
    for name, kind, host in (
        ("missing", "sqlite", "/nowhere/company.sqlite"),
        ("unsupported", "no_such_type", "nowhere"),
    ):
        body = {"connection_id": name, "conn_type": kind, "host": host}
        airflow.client.request("POST", "/connections", body)
    yield
    for name in ("missing", "unsupported"):
        airflow.client.request("DELETE", f"/connections/{name}")


@pytest.mark.usefixtures("connections", "published")
@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("unknown", "source 'unknown': Airflow has no connection of this name; set AIRFLOW_CONN_"),
        ("unsupported", "source 'unsupported': its connection of type 'no_such_type' cannot be"),
        ("missing", "source 'missing.flights' does not answer: unable to open database file"),
    ],
)
def test_a_failed_run_says_why_where_and_what_to_type(
    airflow: Airflow, connection: str, words: str
) -> None:
    airflow.deploy((CONNECTION, f'connection = "{connection}"'))
    arguments = ("run", "flight_delays", "-p", "model=boosting")
    said = platform(airflow, *arguments, status=1)
    assert "flight_delays.v1 ingest failed" in said
    assert words in said
    assert "nothing was published" in said
    (log,) = (line for line in said.splitlines() if line.startswith("log  "))
    assert words in Path(log.split()[1]).read_text()
    (run,) = (line for line in said.splitlines() if line.startswith("run  "))
    assert airflow.client.run(FLIGHT_DELAYS, run.split()[1]).state == "failed"
    assert shown(said, "the same run again")[-4:] == list(arguments)
    assert "export-inputs" not in said


def test_what_a_failed_run_read_is_exported_by_the_printed_commands(
    airflow: Airflow, published: Run, edited_transforms: Edit, tmp_path: Path
) -> None:
    raising = "flights = tested_flights.assign(expected=1 / len([]))"
    line = "flights = tested_flights.assign(expected=is_late_probability)"
    airflow.deploy(edited_transforms("dataflows/flight_delays/evaluation.py", line, raising))
    arguments = ("run", "flight_delays", "-p", "test_from_month=11")
    said = platform(airflow, *arguments, status=1, folder=tmp_path)
    assert "ZeroDivisionError" in said
    airflow.deploy()
    export = shown(said, "what this run read, as Parquet files")
    exported = _output(export, folder=tmp_path)
    assert "inputs of run manual__" in exported
    assert published.id not in exported
    again = shown(said, "the same without Airflow")
    assert again[-2:] == ["-p", "test_from_month=11"]
    _output(again, folder=tmp_path)
    assert (tmp_path / "out" / "flight_delays" / "carrier_scores.parquet").is_file()


@pytest.fixture
def paused(airflow: Airflow) -> Iterator[None]:
    """Pause flight_delays for a test."""
    airflow.client.request("PATCH", f"/dags/{FLIGHT_DELAYS}", {"is_paused": True})
    yield
    airflow.client.request("PATCH", f"/dags/{FLIGHT_DELAYS}", {"is_paused": False})


@pytest.mark.usefixtures("published", "paused")
def test_a_run_of_a_paused_dataflow_is_refused(airflow: Airflow) -> None:
    before = len(airflow.client.runs(FLIGHT_DELAYS))
    said = platform(airflow, "run", "flight_delays", status=2)
    assert f"{FLIGHT_DELAYS} is paused in Airflow" in said
    assert f"unpause it at {airflow.up.url}/dags/{FLIGHT_DELAYS}" in said
    assert len(airflow.client.runs(FLIGHT_DELAYS)) == before


@pytest.mark.usefixtures("published")
def test_a_run_with_a_pool_that_does_not_exist_is_refused(airflow: Airflow) -> None:
    airflow.deploy(("[defaults]", '[defaults]\npool = "defaultpool"'))
    said = platform(airflow, "run", "flight_delays", status=2)
    assert "unknown pool 'defaultpool'; did you mean 'default_pool'?" in said


def test_a_transform_that_a_person_marked_as_successful_is_not_published(
    airflow: Airflow, published: Run, edited_transforms: Edit
) -> None:
    before = airflow.current()
    raising = "flights = tested_flights.assign(expected=1 / len([]))"
    line = "flights = tested_flights.assign(expected=is_late_probability)"
    airflow.deploy(edited_transforms("dataflows/flight_delays/evaluation.py", line, raising))
    run = airflow.run()
    assert airflow.states(run)["transform"] == "failed"
    place = f"/dags/{FLIGHT_DELAYS}/dagRuns/{run.id}/taskInstances/transform"
    airflow.client.request("PATCH", place, {"new_state": "success"})
    airflow.client.clear(FLIGHT_DELAYS, run.id, ["publish"])
    assert eventually(lambda: airflow.client.run(FLIGHT_DELAYS, run.id).finished, airflow.up.check)
    assert airflow.states(run)["publish"] == "failed"
    assert "transform left nothing; clear it" in airflow.log(run, "publish")
    assert airflow.current() == before is not None, published


def reader_of(airflow: Airflow, release: str) -> Run | None:
    """Return the successful run of airport_days that has read a release, if there is one."""
    lake = Lake(DiskStore(airflow.state / "lake"))
    for found, _ in releases.releases(lake, CATALOG.dataflow(AIRPORT_DAYS).identity):
        if found.inputs["flight_features"].release == release:
            run = airflow.client.run(AIRPORT_DAYS, found.run)
            return run if run.state == "success" else None
    return None


@pytest.mark.usefixtures("published")
def test_readers_of_a_withdrawn_release_are_listed_started_and_never_read_it_again(
    airflow: Airflow,
) -> None:
    before = airflow.current()
    assert before is not None
    assert airflow.run().state == "success"
    withdrawn = airflow.current()
    assert withdrawn not in (None, before)
    assert eventually(lambda: reader_of(airflow, str(withdrawn)) is not None, airflow.up.check)
    reader = reader_of(airflow, str(withdrawn))
    assert reader is not None
    status = json.loads(platform(airflow, "status", "airport_days", "--format", "json"))
    assert not status[0]["is_behind"]

    said = platform(airflow, "rollback", "flight_delays", before)
    words = f"is behind flight_delays.v1: it has read release {withdrawn}, which was withdrawn"
    assert f"  airport_days.v1 {words}" in said
    status = json.loads(platform(airflow, "status", "airport_days", "--format", "json"))
    assert status[0]["is_behind"]

    # Cleared, it would read what triggered it.
    airflow.client.clear(AIRPORT_DAYS, reader.id)
    assert eventually(
        lambda: airflow.client.run(AIRPORT_DAYS, reader.id).finished, airflow.up.check
    )
    lines = airflow.client.log(AIRPORT_DAYS, reader.id, "ingest", try_number=2)
    text = "\n".join(line.text for line in lines)
    assert "was withdrawn by" in text
    assert f"reads flight_features of release {before}" in text

    # Announced, the other reader runs again too.
    runs = len(airflow.client.runs("carrier_days.v1"))
    platform(airflow, "rollback", "flight_delays", before, "--announce", airflow.up.url)
    assert eventually(
        lambda: len(airflow.client.runs("carrier_days.v1")) == runs + 1, airflow.up.check
    )
    *_, triggered = airflow.client.runs("carrier_days.v1")
    assert eventually(
        lambda: airflow.client.run("carrier_days.v1", triggered.id).finished, airflow.up.check
    )
    assert f"of release {before}" in airflow.log(triggered, "ingest")
    assert "nothing published" not in platform(airflow, "status")
    assert "behind" not in platform(airflow, "status")
