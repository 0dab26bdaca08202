from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isthmus_contracts.protocol import CheckpointWritten
from isthmus_transforms.runtime.checkpoints import Checkpoints
from isthmus_transforms.runtime.checkpoints.fingerprints import Fingerprints
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore

Run = Callable[..., Checkpoints]
Written = list[CheckpointWritten]


def _fingerprint(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def written() -> Written:
    return []


@pytest.fixture
def run(tmp_path: Path, written: Written) -> Run:
    def make(*required: str, missing: dict[str, str] | None = None) -> Checkpoints:
        store = CheckpointStore(tmp_path, 100_000_000, 3600)
        names = {"a", "b", "c"} - (missing or {}).keys()
        found = Fingerprints({name: _fingerprint(name) for name in names}, missing or {})
        return Checkpoints(store, found, required, written.append)

    return make


def test_a_required_result_is_saved_whatever_it_costs(run: Run, written: Written) -> None:
    first = run("a")
    first.record("a", {"x": 1}, 0.0, ())
    assert [event.node for event in written] == ["a"]
    second = run("a")
    assert second.load("a") == {"x": 1}
    assert second.load("b") is MISSING
    assert [event.node for event in second.reused] == ["a"]
    assert [event.node for event in written] == ["a"]
    assert written[0].bytes > 0
    assert written[0].file == f"{_fingerprint('a')}.checkpoint"


def test_long_work_is_saved_and_short_work_is_not(run: Run, written: Written) -> None:
    found = run()
    found.record("a", np.zeros(10), 0.01, ())
    assert written == []
    found.record("b", np.zeros(10), 30.0, ("a",))
    assert [event.node for event in written] == ["b"]
    found.record("c", np.zeros(10), 0.01, ("b",))
    assert [event.node for event in written] == ["b"]


def test_the_reason_why_a_checkpoint_is_not_saved_is_logged_once(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    found = run("a", "b", missing={"b": "its source is not there"})
    for _ in range(2):
        found.record("a", {1, 2}, 0.0, ())
        found.record("b", 1, 0.0, ())
    levels = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in levels] == [logging.WARNING] * 2
    assert "no codec is registered for builtins.set" in levels[0][1]
    assert "its source is not there" in levels[1][1]


def test_a_file_that_another_run_deletes_is_not_staged(
    tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = run("a", "b")
    for node in ("a", "b"):
        checkpoints.record(node, 1, 0.0, ())
    (tmp_path / f"{_fingerprint('a')}.checkpoint").unlink()
    staging = tmp_path / "staging"
    staging.mkdir()
    assert [file.path for file in checkpoints.stage(["a", "b"], staging)] == [
        f"{_fingerprint('b')}.checkpoint"
    ]
    assert (
        "node 'a' is not saved and will be computed again: its file does not exist" in caplog.text
    )


def test_a_result_whose_functions_changed_during_the_run_is_not_saved(
    tmp_path: Path, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    now = {"a": _fingerprint("a"), "b": _fingerprint("b"), "c": _fingerprint("c")}
    planned = Fingerprints(dict(now), {}, again=lambda: Fingerprints(now, {}))
    store = CheckpointStore(tmp_path, 1_000_000, 3600)
    checkpoints = Checkpoints(store, planned, {"a", "b", "c"}, written.append)
    checkpoints.record("a", 1, 0.0, ())
    now["b"] = _fingerprint("another")
    checkpoints.record("b", 1, 0.0, ("a",))
    now["b"] = _fingerprint("b")
    checkpoints.record("c", 1, 0.0, ("b",))
    assert [event.node for event in written] == ["a"]
    assert "node 'b' is not saved" in caplog.text
    assert "what its functions use changed while functions ran" in caplog.text
    assert "a result that it depends on is not sure" in caplog.text


def test_a_result_of_a_worker_with_other_code_is_not_saved(
    tmp_path: Path, written: Written
) -> None:
    planned = Fingerprints({name: _fingerprint(name) for name in "ab"}, {}, {"a": "1", "b": "1"})
    store = CheckpointStore(tmp_path, 1_000_000, 3600)
    checkpoints = Checkpoints(store, planned, {"a", "b"}, written.append)
    checkpoints.record("a", 1, 0.0, (), "1")
    checkpoints.record("b", 1, 0.0, (), "2")
    assert [event.node for event in written] == ["a"]
