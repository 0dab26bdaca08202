from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, tzinfo
from pathlib import Path

import pytest

from isthmus_contracts import Deprecation
from isthmus_contracts.testing.sample_catalog import CATALOG, PARCEL_DELAYS
from isthmus_platform.cli import check, main
from isthmus_platform.dags.builder import build_dags

PARCELS = Path(__file__).parents[1] / "parcels.toml"

Result = tuple[int, list[str]]
Check = Callable[..., Result]
RUNNER = """
import sys
from isthmus_contracts import Param
from isthmus_contracts.protocol import Capabilities, encode
sys.stdin.readline()
workers = Param("workers", "integer", 1, "How many functions run at once.", minimum=1)
engines = {"sequential": (), "threads": (workers,)}
print(encode(Capabilities((1,), "x", {}, {}, engines, {})))
"""


@pytest.fixture
def checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Check:
    """Return a function that checks the deployment of the tests with more behind it.

    Its runner only states two engines.
    """
    for name in ("ISTHMUS_STATE", "ISTHMUS_DEPLOYMENT", "ISTHMUS_TRANSFORMS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_PARCEL_FIRM", "sqlite:////company.sqlite")

    runner = tmp_path / "runner.py"
    runner.write_text(RUNNER)
    local = PARCELS.read_text()
    command = '"-m", "isthmus_transforms.runner"'
    assert command in local

    def call(more: str = "", python: str = sys.executable) -> Result:
        file = tmp_path / "company.toml"
        file.write_text(local.replace(command, f'"{runner}"') + more)
        state = str(tmp_path / "state")
        status = main.main(["--state", state, "--transforms-python", python, "check", str(file)])
        return status, [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return call


def words(line: str) -> list[str]:
    return [word.strip() for word in line.split("  ") if word.strip()]


def test_it_shows_how_each_dataflow_runs(checked: Check) -> None:
    status, lines = checked(
        """
        [dataflows."parcel_delays.v1"]
        schedule = "0 4 * * *"
        stages = ["joined_parcels"]
        approval = true
        stage.joined_parcels.engine = "threads"
        [dataflows."station_days.v1"]
        fused = true
        """
    )
    assert status == 0
    head, first, second, third, *_ = lines
    assert words(head) == ["dataflow", "runs", "tasks", "engine", "runner"]
    assert words(first) == [
        "parcel_delays.v1",
        "0 4 * * *",
        "ingest > transform_joined_parcels > transform > approve > publish",
        "threads, sequential",
        "default",
    ]
    assert words(second)[1:3] == ["after parcel_delays.v1", "run"]
    assert words(third)[2] == "ingest > transform > publish"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            '[dataflows."pracel_delays.v1"]',
            "unknown dataflow 'pracel_delays.v1'; did you mean 'parcel_delays.v1'?",
        ),
        (
            '[dataflows."parcel_delays.v1"]\nstages = ["dates"]',
            "unknown checkpoint or output 'dates'",
        ),
        (
            '[dataflows."parcel_delays.v1"]\nschedule = "0 25 * * *"',
            "schedule is '0 25 * * *'; it has a field that cron refuses: [0 25 * * *]",
        ),
        ('[dataflows."parcel_delays.v1"]\nretries = -1', "retries is -1; allowed: 0 or more"),
    ],
)
def test_every_mistake_in_a_dataflows_table_is_reported(
    checked: Check, more: str, message: str
) -> None:
    status, lines = checked(f'{more}\n\n[dataflows."station_days.v1"]\nschedule = ""')
    assert status == 2
    mistakes = [line for line in lines if line.startswith("mistake: company.toml, [dataflows.")]
    assert len(mistakes) == 2
    assert any(message in line for line in mistakes)
    assert any("schedule is ''; allowed: a cron expression" in line for line in mistakes)
    assert words(lines[2]) == ["station_days.v1", "cannot run"]
    assert words(lines[3])[:2] == ["courier_days.v1", "after parcel_delays.v1"]


def test_without_a_file_it_checks_the_one_that_would_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "company.toml"
    file.write_text(PARCELS.read_text() + '[dataflows."station_days.v1"]\nretries = -1')
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(file))
    assert main.main(["check"]) == 2
    assert "company.toml, [dataflows." in capsys.readouterr().out
    assert main.main(["--deployment", str(PARCELS), "check"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            '[sources.erp]\nconnection = "erp"',
            "[sources.erp]: unknown dataset 'erp'; known: 'parcel_firm'",
        ),
        (
            '[sources.parcel_firm.tables]\nparcel = "ops.parcels"',
            "[sources.parcel_firm].tables: unknown table 'parcel'; did you mean 'parcels'?",
        ),
    ],
)
def test_a_source_that_nobody_reads_is_a_mistake(checked: Check, more: str, message: str) -> None:
    status, lines = checked(f"\n{more}\n")
    assert status == 2
    assert any(message in line for line in lines if line.startswith("mistake: "))


def test_a_runner_that_is_not_on_this_machine_is_a_note(checked: Check) -> None:
    status, lines = checked(python="/nowhere/python")
    assert status == 0
    assert lines[-1] == (
        "note: runner 'default' starts '/nowhere/python', which is not a program here"
    )


@pytest.mark.parametrize(
    ("more", "where", "problem"),
    [
        (
            '[dataflows."parcel_delays.v1"]\nengine = "thread"',
            '[dataflows."parcel_delays.v1"]',
            "unknown engine 'thread'; did you mean 'threads'?",
        ),
        (
            "engine_options = { workers = 2 }",
            "[defaults]",
            "unknown option 'workers' of engine 'sequential'; known: none",
        ),
        (
            """
            [dataflows."parcel_delays.v1"]
            stages = ["joined_parcels"]
            stage.joined_parcels = { engine = "threads", engine_options = { workers = "two" } }
            """,
            '[dataflows."parcel_delays.v1"].stage.joined_parcels',
            "option 'workers' of engine 'threads' is 'two'; allowed: integer from 1",
        ),
    ],
)
def test_an_engine_or_option_that_the_runner_does_not_know_is_a_mistake(
    checked: Check, more: str, where: str, problem: str
) -> None:
    status, lines = checked(more)
    assert status == 2
    (mistake,) = [line for line in lines if line.startswith("mistake: ")]
    assert mistake.startswith(f"mistake: company.toml, {where}: {problem}")


def test_a_runner_that_states_no_engines_is_a_note(checked: Check, tmp_path: Path) -> None:
    (tmp_path / "runner.py").write_text("raise SystemExit('no module here')")
    status, lines = checked('[dataflows."parcel_delays.v1"]\nengine = "thread"')
    assert status == 0
    assert lines[-1] == (
        "note: runner 'default': its engines are not checked: the runner exited with 1 and sent no "
        "result: no module here"
    )


def test_a_retired_dataflow_is_not_a_mistake(
    checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = Deprecation(date(2020, 1, 31), "parcel_delays.v2")
    catalog = replace(CATALOG, dataflows=(replace(PARCEL_DELAYS, deprecation=last),))
    monkeypatch.setattr(check, "CATALOG", catalog)
    status, lines = checked()
    assert status == 0
    assert words(lines[1])[1] == (
        "parcel_delays.v1 was retired after 2020-01-31; use parcel_delays.v2 instead"
    )


def test_the_next_two_runs_of_each_schedule_are_shown_with_their_intervals(
    checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Now:
            return cls(2026, 1, 31, 12, tzinfo=tz)

    monkeypatch.setattr(check, "datetime", Now)
    status, lines = checked(
        """
        [dataflows."parcel_delays.v1"]
        schedule = "30 4 * * *"
        [dataflows."courier_days.v1"]
        schedule = "30 4 2 * *"
        """
    )
    assert status == 0
    assert lines[4:] == [
        "next run of parcel_delays.v1: 2026-02-01 04:30 UTC, for everything",
        "next run of parcel_delays.v1: 2026-02-02 04:30 UTC, for everything",
        "next run of courier_days.v1: 2026-02-02 04:30 UTC, for 2026-01-01 to before 2026-02-01",
        "next run of courier_days.v1: 2026-03-02 04:30 UTC, for 2026-02-01 to before 2026-03-01",
    ]


def test_every_mistake_is_reported_at_once(checked: Check) -> None:
    status, lines = checked(
        """
        checkpoint_days = -1
        [dataflows."parcel_delays.v1"]
        engine = "thread"
        engine_options = { workers = 2 }
        [dataflows."station_days.v1"]
        schedule = "0 0 30 2 *"
        retries = -1
        [dataflows."tokyo.v1"]
        [sources.erp]
        connection = "erp"
        [runners.gpu]
        home = "here"
        [lakes]
        """
    )
    assert status == 2
    own = '[dataflows."station_days.v1"]'
    known = "'parcel_delays.v1', 'station_days.v1', 'courier_days.v1'"
    assert [line.removeprefix("mistake: company.toml, ") for line in lines[4:]] == [
        "[lakes]: unknown part 'lakes'; did you mean 'lake'?",
        "[defaults]: checkpoint_days is -1.0; allowed: more than 0, to ten years",
        "[runners.gpu]: field 'command' is missing",
        f"[dataflows.\"tokyo.v1\"]: unknown dataflow 'tokyo.v1'; known: {known}",
        "[sources.erp]: unknown dataset 'erp'; known: 'parcel_firm'",
        "[dataflows.\"parcel_delays.v1\"]: unknown engine 'thread'; did you mean 'threads'?",
        f"{own}: retries is -1; allowed: 0 or more",
        f"{own}: schedule is '0 0 30 2 *'; it has no time that ever comes",
        "[sources.erp]: no Airflow connection 'erp' is known here",
    ]
    assert words(lines[2]) == ["station_days.v1", "cannot run"]
    assert words(lines[3])[1:3] == ["after parcel_delays.v1", "ingest > transform > publish"]


def test_a_pool_that_cannot_be_asked_for_is_a_note_and_one_that_is_missing_a_mistake(
    checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = '[dataflows."station_days.v1"]\npool = "io"'
    monkeypatch.setattr(check, "known_pools", lambda _: None)
    status, lines = checked(own)
    assert (status, lines[-1]) == (
        0,
        "note: pools are not checked without a database of Airflow: io",
    )
    monkeypatch.setattr(check, "known_pools", lambda _: ["default_pool"])
    status, lines = checked(own)
    assert status == 2
    assert "unknown pool 'io'; known: 'default_pool'; a task would wait for ever" in lines[-1]
    monkeypatch.setattr(check, "known_pools", lambda _: ["default_pool", "io"])
    assert checked(own)[0] == 0


def test_it_says_which_dataflows_go_on_with_the_last_valid_file(
    checked: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked()[0] == 0
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(tmp_path / "company.toml"))
    digest = hashlib.sha256((tmp_path / "company.toml").read_bytes()).hexdigest()
    build_dags(CATALOG)  # as Airflow does with the same state
    status, lines = checked('[dataflows."station_days.v1"]\nretries = -1')
    assert status == 2
    assert words(lines[2])[1] == f"runs with the last valid file, SHA-256 {digest[:12]}..."


def test_a_variable_counts_as_it_does_for_tasks(
    checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = '[dataflows."station_days.v1"]\nschedule = "${SCHEDULE}"'
    status, lines = checked(own)
    assert status == 2
    assert lines[-1].endswith("schedule: environment variable 'SCHEDULE' is not set")
    monkeypatch.setenv("SCHEDULE", "0 4 * * *")
    status, lines = checked(own)
    assert status == 0
    assert words(lines[2])[1] == "0 4 * * *"


def test_a_file_that_is_not_there_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["check", "/nowhere/company.toml"]) == 2
    assert "company.toml, file: it cannot be read" in capsys.readouterr().err
