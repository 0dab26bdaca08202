"""Runs of the real operators in Airflow's own test mode, with the stand-in runner.

Airflow warns of its own dependencies here; every warning of ours is an error still.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_contracts import catalog
from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.tables import Table
from isthmus_contracts.testing.sample_catalog import CATALOG, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.intake import acceptance
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.pipeline import ingest, transform
from isthmus_platform.runs import RunRecord, summarize
from isthmus_platform.runs.history import newest_runs
from isthmus_platform.runs.index import add_entry, index_entries
from isthmus_platform.runs.record import index_of
from isthmus_platform.storage import DiskStore

pytestmark = pytest.mark.slow

DAYS = STATION_DAYS.output("days")
FEATURES = PARCEL_DELAYS.output("parcel_features")


class Ended(Protocol):
    """How a run ended, as the fixture says it."""

    states: dict[str, str]
    log: str
    id: str


class Company(Protocol):
    """The company that the fixture gives."""

    folder: Path
    published: Sequence[str]

    def deploy(self, *command: str) -> None: ...
    def fault(self, name: str) -> None: ...
    def execute(self, statement: str) -> None: ...
    def prepare(self, table: Table, **instead: object) -> None: ...
    def run(self, dataflow: str = ..., **params: object) -> Ended: ...


def test_a_run_publishes_every_output(company: Company) -> None:
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    assert len(company.published) == 1
    assert "ingested parcels: 1 rows as version 0" in ended.log
    assert "the runner computes 5 functions" in ended.log
    assert "courier_scores finished in 0.000 s" in ended.log
    assert f"published release {company.published[0]} of parcel_delays.v1" in ended.log
    (record,) = (company.folder / "runs/records/parcel_delays.v1/runs").iterdir()
    names = sorted(path.name for path in record.iterdir())
    assert names == ["graph.svg", "pins.json", "transform.1.events.jsonl"]
    pins = json.loads((record / "pins.json").read_text())
    assert pins["params"]["test_from_month"] == 10
    content = (company.folder / "company.toml").read_bytes()
    assert pins["deployment"] == hashlib.sha256(content).hexdigest()
    assert pins["inputs"]["weather"]["version"] == 0


def test_old_records_are_removed_but_not_of_a_run_that_airflow_calls_active(
    company: Company, airflow_home: Path
) -> None:
    root = company.folder / "runs"
    ids = [company.run().id for _ in range(3)]
    long_ago = datetime.now(UTC) - timedelta(days=31)
    for run_id in ids[:2]:
        record = RunRecord(root, PARCEL_DELAYS.identity, run_id)
        index = index_of(root, PARCEL_DELAYS.identity)
        (entry,) = (entry for entry in index_entries(index) if entry.run == run_id)
        entry.path.unlink()
        add_entry(index, run_id, long_ago)
        os.utime(record.directory, (long_ago.timestamp(), long_ago.timestamp()))
    with closing(sqlite3.connect(airflow_home / "airflow.db")) as connection:
        connection.execute("UPDATE dag_run SET state = 'running' WHERE run_id = ?", (ids[1],))
        connection.commit()
    last = company.run()
    assert set(last.states.values()) == {"success"}, last.log
    assert "removed 1 record of old runs" in last.log
    found = newest_runs(root, PARCEL_DELAYS.identity, 50)
    assert [run.record.run for run in found] == [last.id, ids[2], ids[1]]


def test_a_dataflow_takes_the_current_release_of_another(company: Company) -> None:
    company.run()
    assert isinstance(DAYS, Table)
    company.prepare(DAYS)
    (company.folder / "outputs" / "delay_calendar.png").write_bytes(b"picture")
    ended = company.run("station_days")
    assert set(ended.states.values()) == {"success"}, ended.log
    assert f"reads parcel_features of release {company.published[0]}" in ended.log


def test_without_a_release_there_is_nothing_to_take(company: Company) -> None:
    ended = company.run("station_days")
    assert ended.states["ingest"] == "failed"
    assert "it has published no release yet, so there is no 'parcel_features'" in ended.log


def refused(company: Company, task: str, *words: str, **params: object) -> None:
    """Expect a run to fail in this task, saying these words, and to publish nothing."""
    before = company.published
    ended = company.run(**params)
    assert ended.states[task] == "failed", ended.log
    for text in words:
        assert text in ended.log, ended.log
    assert company.published == before
    assert not list((company.folder / "runs" / "work").glob("*/*/*"))


def test_what_acceptance_has_not_recorded_is_not_published(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transform.transform

    def changed(*arguments: Any) -> Accepted:  # as `transform` takes them
        accepted = real(*arguments)
        first, *others = accepted.outputs
        file = replace(first.files[0], sha256="0" * 64)
        return replace(accepted, outputs=(replace(first, files=(file,)), *others))

    monkeypatch.setattr(transform, "transform", changed)
    refused(company, "publish", "acceptance left no record in the lake of what the XCom of run")


def test_an_unknown_param_is_refused_first(company: Company) -> None:
    refused(company, "ingest", "unknown param 'modle'; did you mean 'model'?", modle="boosting")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE weather", "source 'company.weather': there is no such table"),
        ("ALTER TABLE weather DROP COLUMN temp", "column 'temp' is missing"),
        ("UPDATE weather SET temp = 'warm'", "column 'temp' holds text in row 1"),
        ("UPDATE weather SET humid = 101", "column 'humid' has 1 value above 100"),
        ("UPDATE weather SET origin = 'SFO'", "column 'origin'"),
        ("UPDATE weather SET origin = NULL", "column 'origin' has 1 null"),
        ("INSERT INTO weather SELECT * FROM weather", "key"),
        ("DELETE FROM weather", "there are only 0 rows; the contract says 1"),
    ],
)
def test_a_source_that_breaks_its_contract_is_refused(
    company: Company, statement: str, words: str
) -> None:
    company.execute(statement)
    refused(company, "ingest", words)


def test_a_source_that_is_down_is_one_sentence(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMPANY", "sqlite:////nowhere/company.sqlite")
    refused(company, "ingest", "source 'company.parcels' does not answer: unable to open")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("silent", "the runner exited with 0 and sent no result"),
        ("garbage", "the runner broke the protocol"),
        ("crash", "the runner exited with 7 and sent no result"),
        ("raising", "failed in parcel_features (x.py:1): ZeroDivisionError"),
        ("late-exit", "the runner exited with 3 after it sent a result"),
        ("other-run", "the runner answered for"),
        ("missing-file", "is not a file in it"),
        ("wrong-digest", "the result says"),
        ("link", "link"),
        ("outside", "parcel_features.arrows"),
        ("unnamed", "is named 0 times instead of once"),
        ("stray", "'stray.arrows' is not named by any output"),
    ],
)
def test_a_runner_that_misbehaves_publishes_nothing(
    company: Company, fault: str, words: str
) -> None:
    company.run()
    company.fault(fault)
    refused(company, "transform", words)
    company.deploy()
    assert set(company.run().states.values()) == {"success"}
    assert len(company.published) == 2


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        ({"humidity": 101.0}, "column 'humidity' has 1 value above 100"),
        ({"origin": "SFO"}, "column 'origin'"),
    ],
)
def test_outputs_are_checked_on_this_side_too(
    company: Company, instead: dict[str, object], words: str
) -> None:
    assert isinstance(FEATURES, Table)
    company.prepare(FEATURES, **instead)
    refused(company, "transform", words)


def test_a_command_that_does_not_exist_is_named(company: Company) -> None:
    company.deploy("/nowhere/python")
    refused(company, "transform", "the runner's command '/nowhere/python' does not exist")


def test_the_runner_sees_nothing_of_airflow(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "very-secret")
    text = "import os, sys; print(sorted(os.environ), dict(os.environ), file=sys.stderr)"
    company.deploy(sys.executable, "-c", text)
    ended = company.run()
    line = next(line for line in ended.log.splitlines() if "runner: [" in line)
    assert "AIRFLOW" not in line
    assert "very-secret" not in line
    assert "sqlite" not in line


def unusual(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Have the contract warn of each humidity above 0, or change parcel_features otherwise."""
    assert isinstance(FEATURES, Table)
    columns = tuple(
        replace(column, warn_maximum=0.0) if column.name == "humidity" else column
        for column in FEATURES.columns
    )
    table = replace(FEATURES, **{"columns": columns, **changes})
    outputs = tuple(table if output is FEATURES else output for output in PARCEL_DELAYS.outputs)
    changed = replace(CATALOG, dataflows=(replace(PARCEL_DELAYS, outputs=outputs),))
    monkeypatch.setattr(catalog, "CATALOG", changed)


def test_what_is_unusual_is_published_with_a_warning(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    unusual(monkeypatch)
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    warning = "table 'parcel_features': column 'humidity' has 1 value above 0"
    assert ended.log.count(f"{warning} ") >= 2  # logged by transform, and again by publish
    record = RunRecord(company.folder / "runs", PARCEL_DELAYS.identity, ended.id)
    warnings = summarize(record.attempt("transform", 1).answers()).warnings
    assert list(warnings) == [("parcel_features", "humidity.warn_maximum")]
    (reported,) = warnings.values()
    assert reported.startswith("parcel_features: column 'humidity' has 1 value above 0 (")
    release = releases.current(Lake(DiskStore(company.folder / "lake")), PARCEL_DELAYS.identity)
    assert release is not None
    clause = reported.removeprefix("parcel_features: ")
    assert release.warnings == (f"table 'parcel_features': {clause}",)


CHECK_RESULTS = """
import sys
from isthmus_contracts.protocol import CheckFinished, encode
from isthmus_contracts.rules import CheckResult
from isthmus_contracts.testing.runner import main

for passed, level in ((True, "error"), (False, "error"), (False, "warning")):
    keys = () if passed else tuple(f"({number})" for number in range(9))
    result = CheckResult("days.a", level, passed, f"{level} {passed}", len(keys), keys)
    print(encode(CheckFinished(1.0, "days", result)), flush=True)
sys.exit(main())
"""


def test_each_check_result_is_recorded_and_each_failed_check_is_logged(
    company: Company,
) -> None:
    runner = company.folder / "checking_runner.py"
    runner.write_text(CHECK_RESULTS)
    company.deploy(sys.executable, str(runner), "--outputs", str(company.folder / "outputs"))
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    record = RunRecord(company.folder / "runs", PARCEL_DELAYS.identity, ended.id)
    answers = record.attempt("transform", 1).answers()
    results = [answer.result for answer in answers if isinstance(answer, CheckFinished)]
    assert [(result.passed, result.level) for result in results] == [
        (True, "error"),
        (False, "error"),
        (False, "warning"),
    ]
    assert [len(result.examples) for result in results] == [0, 9, 9]
    for level in ("error", "warning"):
        line = f"days: {level} False (days.a; see (0), (1), (2), (3), (4))"
        assert ended.log.count(line) == 1
    assert "days: error True" not in ended.log


def test_a_row_count_that_the_contract_does_not_allow_is_not_published(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(FEATURES, Table)
    unusual(monkeypatch, max_row_change=0.5)
    company.run()
    path = company.folder / "outputs" / "parcel_features.arrows"
    row = ipc.open_stream(path.read_bytes()).read_all()
    unusual(monkeypatch, max_row_change=0.5, key=())
    with path.open("wb") as file, ipc.new_stream(file, row.schema) as stream:
        stream.write_table(pa.concat_tables([row, row]))
    refused(company, "publish", "has 2 rows, 100% more than the 1 of release")


def test_a_disk_that_is_full_is_one_sentence(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "commit", full)
        refused(company, "ingest", "cannot be used now: No space left on device")
    monkeypatch.setattr(acceptance, "safe_copy", full)
    refused(company, "transform", "cannot be used now: No space left on device")
    assert not list((company.folder / "lake" / "dataflows").rglob("*.parquet"))


def test_a_pointer_that_cannot_be_read_is_one_sentence(company: Company) -> None:
    pointer = company.folder / "lake" / "dataflows" / "parcel_delays" / "v1" / "pointers"
    (pointer / "main" / "99999999.json").mkdir(parents=True)
    ended = company.run("station_days")
    assert ended.states["ingest"] == "failed"
    assert "cannot be used now: Is a directory" in ended.log


def test_a_lake_that_is_not_mounted_is_not_taken_for_an_empty_one(company: Company) -> None:
    lake = company.folder / "lake"
    lake.rename(company.folder / "unmounted")
    lake.mkdir()
    ended = company.run()
    assert ended.states["ingest"] == "failed"
    assert f"the lake at file://{lake} cannot be used now: it has no isthmus-lake.json" in ended.log
    assert list(lake.iterdir()) == []
    lake.rmdir()
    (company.folder / "unmounted").rename(lake)
    assert set(company.run().states.values()) == {"success"}
