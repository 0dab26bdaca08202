"""What a task makes of a runner's work, without Airflow."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_platform.deployment import DeployedDataflow, Runner
from isthmus_platform.errors import ResultError, RunFailedError, RunnerError, RunRefusedError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.ingest import ingest
from isthmus_platform.pipeline.transform import transform, transform_stage
from isthmus_platform.runners.confinement import landlock
from isthmus_platform.runs.pins import Pins


class Logged(Protocol):
    lines: list[str]


class Site(Protocol):
    folder: Path
    dataflow: DeployedDataflow
    lake: Lake
    run: RunContext
    logged: Logged

    def ending(self, end: str) -> DeployedDataflow: ...


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert path.exists()


def pinned(site: Site) -> Pins:
    return ingest(site.dataflow, site.lake, site.run)


def test_a_result_is_accepted_and_the_workspace_is_gone(site: Site) -> None:
    accepted = transform(site.dataflow, site.lake, site.run, lambda: pinned(site))
    assert accepted.output("sums").metrics == {"total": 6.0}
    assert "the runner computes 1 functions" in site.logged.lines
    record = site.folder / "runs" / "records" / "totals.v1" / "runs" / "manual__1"
    names = sorted(path.name for path in record.iterdir())
    assert names == ["graph.svg", "pins.json", "task.1.events.jsonl"]


def test_the_runner_starts_before_inputs_are_pinned(site: Site) -> None:
    def pins() -> Pins:
        wait_for(site.folder / "started")
        return pinned(site)

    transform(site.dataflow, site.lake, site.run, pins)


READING = """
import os, sys
from pathlib import Path
place = Path(os.environ["LAKE"])
for name in ("sources/shop/orders", "sources/shop/secrets", "dataflows"):
    try:
        print(name, len(os.listdir(place / name)) > 0, file=sys.stderr)
    except PermissionError:
        print(name, "may not be read", file=sys.stderr)
"""


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_a_runner_reads_the_inputs_of_its_contract_and_no_other(site: Site) -> None:
    lake = site.folder / "lake"
    for name in ("sources/shop/secrets", "dataflows/others"):
        (lake / name).mkdir(parents=True)
        (lake / name / "file").touch()
    pins = pinned(site)
    runner = Runner((sys.executable, "-c", READING), str(site.folder / "home"), {"LAKE": str(lake)})
    deployment = replace(site.dataflow.deployment, runners={"default": runner})
    with pytest.raises(RunnerError, match="sent no result"):
        transform(replace(site.dataflow, deployment=deployment), site.lake, site.run, lambda: pins)
    assert [line for line in site.logged.lines if line.startswith("runner: ")] == [
        "runner: sources/shop/orders True",
        "runner: sources/shop/secrets may not be read",
        "runner: dataflows may not be read",
    ]


def test_a_kernel_that_confines_nothing_is_a_warning_in_the_runs_log(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    transform(site.dataflow, site.lake, site.run, lambda: pinned(site))
    (warning,) = [line for line in site.logged.lines if "docs/security.md" in line]
    assert warning.startswith(
        "this kernel does not confine the runner (Landlock version 0): it can"
    )


def test_a_function_that_raises_may_succeed_next_time(site: Site) -> None:
    with pytest.raises(RunFailedError, match=r"^node 'sums' failed in sums \(x.py:1\): ValueErr"):
        transform(site.ending("dataflow"), site.lake, site.run, lambda: pinned(site))
    assert "its traceback" in site.logged.lines


def test_a_function_that_was_denied_a_file_is_told_where_permissions_are(site: Site) -> None:
    with pytest.raises(RunFailedError, match=r"PermissionError: no; docs/security.md lists what"):
        transform(site.ending("denied"), site.lake, site.run, lambda: pinned(site))


def test_a_request_that_the_runner_refuses_is_not_retried(site: Site) -> None:
    with pytest.raises(RunRefusedError, match=r"^ValueError: no$"):
        transform(site.ending("request"), site.lake, site.run, lambda: pinned(site))


def test_a_cancelled_task_stops_its_runner(site: Site) -> None:
    def cancel() -> None:
        wait_for(site.folder / "computing")
        site.run.cancellation.request()

    thread = threading.Thread(target=cancel)
    thread.start()
    start = time.monotonic()
    with pytest.raises(RunnerError):
        transform(site.ending("sleeps"), site.lake, site.run, lambda: pinned(site))
    thread.join()
    assert time.monotonic() - start < 50


def test_a_stage_whose_runner_stages_outputs_instead_is_refused(site: Site) -> None:
    stage = site.dataflow.stage("amounts")
    with pytest.raises(ResultError):
        transform_stage(stage, site.lake, site.run, lambda: pinned(site))
