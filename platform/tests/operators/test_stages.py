"""Runs in stages, and fused, with the stand-in runner: requests and intermediates."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

pytestmark = pytest.mark.slow

STAGES = '[dataflows."parcel_delays.v1"]\nstages = ["joined_parcels", "parcel_features"]\n'
OWN = '[dataflows."parcel_delays.v1".stage.joined_parcels]\nengine = "threads"\n'
FUSED = '[dataflows."parcel_delays.v1"]\nfused = true\n'

# Writes each task's request and intermediates to files, and computes as the stand-in does.
WATCHED = """
import json, sys
from pathlib import Path
from isthmus_contracts.testing import runner

folder, asked, line = Path(sys.argv[1]), sys.stdin, sys.stdin.readline()
request = json.loads(line)
request["contents"] = [Path(path).read_text() for path in request["intermediates"]]
(folder / f"{request['identity']['task']}.json").write_text(json.dumps(request))

class Again:
    read = asked.read
    readline = staticmethod(lambda: line)

sys.stdin = Again
raise SystemExit(runner.main(["--outputs", str(folder / "outputs"), *sys.argv[2:]]))
"""


class Ended(Protocol):
    """How a run ended, as the fixture says it."""

    states: dict[str, str]
    log: str


class Company(Protocol):
    """The company that the fixture gives."""

    folder: Path
    published: Sequence[str]

    def deploy(self, *command: str, more: str = ...) -> None: ...
    def execute(self, statement: str) -> None: ...
    def run(self, dataflow: str = ..., **params: object) -> Ended: ...


def watch(company: Company, more: str, *options: str) -> None:
    script = company.folder / "watched.py"
    script.write_text(WATCHED)
    company.deploy(sys.executable, str(script), str(company.folder), *options, more=more)


def asked(company: Company, task: str) -> dict[str, Any]:
    request: dict[str, Any] = json.loads((company.folder / f"{task}.json").read_text())
    return request


def test_each_stage_gets_the_intermediates_of_earlier_stages(company: Company) -> None:
    watch(company, STAGES + OWN)
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    names = {"ingest", "transform_joined_parcels", "transform_parcel_features", "transform"}
    assert set(ended.states) == names | {"publish"}
    assert len(company.published) == 1
    assert ended.log.count("saved 1 intermediates, ") == 2

    first = asked(company, "transform_joined_parcels")
    assert (first["stop_at"], first["intermediates"]) == ("joined_parcels", [])
    assert first["engine"]["name"] == "threads"
    assert first["checkpoint_quota"] == {"megabytes": 10_000, "days": 30.0}
    second = asked(company, "transform_parcel_features")
    assert second["stop_at"] == "parcel_features"
    assert second["contents"] == ["what is known at joined_parcels"]
    assert second["engine"]["name"] == "sequential"
    rest = asked(company, "transform")
    assert rest["stop_at"] is None
    assert rest["checkpoints"] == first["checkpoints"]
    lake = company.folder / "lake"
    assert not [path for path in lake.rglob("checkpoints/**/*") if path.is_file()]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong-digest", "'saved.checkpoint' has 31 bytes and another digest than the result says"),
        ("missing-file", "'nowhere.arrows' is not a file in it"),
        ("other-run", "the runner answered for RunIdentity(run='another'"),
        ("stray", "'stray.arrows' is not named by any output"),
        ("silent", "the runner exited with 0 and sent no result"),
    ],
)
def test_a_stage_that_does_not_do_as_it_says_fails(
    company: Company, fault: str, words: str
) -> None:
    watch(company, STAGES, "--fault", fault)
    ended = company.run()
    assert ended.states["transform_joined_parcels"] == "failed", ended.log
    assert words in ended.log, ended.log
    assert company.published == []
    assert not list((company.folder / "lake").rglob("checkpoints/*/*"))


def test_without_stages_there_are_no_checkpoints_or_intermediates(company: Company) -> None:
    watch(company, "")
    company.run()
    request = asked(company, "transform")
    assert (request["checkpoints"], request["intermediates"]) == (None, [])
    assert request["checkpoint_quota"] is None


def test_a_fused_run_does_all_in_one_task(company: Company) -> None:
    watch(company, FUSED)
    ended = company.run()
    assert ended.states == {"run": "success"}, ended.log
    (release,) = company.published
    assert f"published release {release} of parcel_delays.v1" in ended.log
    assert "ingested parcels: 1 rows as version 0" in ended.log
    assert asked(company, "run")["stop_at"] is None


def test_a_fused_run_that_fails_publishes_nothing(company: Company) -> None:
    watch(company, FUSED, "--fault", "raising")
    ended = company.run()
    assert ended.states == {"run": "failed"}
    assert "node 'parcel_features' failed in parcel_features (x.py:1)" in ended.log
    assert company.published == []


def test_a_fused_run_that_cannot_ingest_leaves_no_runner(company: Company) -> None:
    company.deploy(sys.executable, "-c", "import time; time.sleep(600)", more=FUSED)
    company.execute("DROP TABLE trucks")
    before = psutil.Process().children(recursive=True)
    ended = company.run()
    assert ended.states == {"run": "failed"}
    assert "there is no such table" in ended.log
    left = [
        process for process in psutil.Process().children(recursive=True) if process not in before
    ]
    assert psutil.wait_procs(left, timeout=1)[1] == []
    assert company.published == []


def test_a_fused_run_refuses_what_the_form_would_not_give(company: Company) -> None:
    company.deploy(more=FUSED)
    ended = company.run(modle="boosting")
    assert ended.states == {"run": "failed"}
    assert "unknown param 'modle'; did you mean 'model'?" in ended.log
