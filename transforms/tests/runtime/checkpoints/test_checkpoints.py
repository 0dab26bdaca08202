from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from isthmus_contracts.protocol import CheckpointWritten
from isthmus_transforms.runtime.checkpoints import (
    MISSING,
    Checkpoints,
    CheckpointStore,
    Fingerprints,
    digest_of_files,
)
from isthmus_transforms.runtime.checkpoints.policy import SavingPolicy, sample_cost, size_of

Run = Callable[..., Checkpoints]
Heard = list[CheckpointWritten]


def _fingerprint(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
def run(tmp_path: Path, heard: Heard) -> Run:
    def make(*asked: str, doubts: dict[str, str] | None = None) -> Checkpoints:
        store = CheckpointStore(tmp_path, 100_000_000, 3600)
        names = {"a", "b", "c"} - (doubts or {}).keys()
        found = Fingerprints({name: _fingerprint(name) for name in names}, doubts or {})
        return Checkpoints(store, found, asked, heard.append)

    return make


def test_what_was_asked_for_is_saved_whatever_it_costs(run: Run, heard: Heard) -> None:
    first = run("a")
    first.computed("a", {"x": 1}, 0.0, ())
    assert not first.saved("b")
    second = run("a")
    assert second.saved("a")
    assert second.load("a") == {"x": 1}
    assert second.load("b") is MISSING
    assert [each.node for each in second.reused] == ["a"]
    assert [each.node for each in heard] == ["a"]
    assert heard[0].bytes > 0
    assert heard[0].file == f"{_fingerprint('a')}.checkpoint"


def test_long_work_is_saved_and_short_work_is_not(run: Run, heard: Heard) -> None:
    found = run()
    found.computed("a", np.zeros(10), 0.01, ())
    assert heard == []
    found.computed("b", np.zeros(10), 30.0, ("a",))
    assert [each.node for each in heard] == ["b"]
    found.computed("c", np.zeros(10), 0.01, ("b",))
    assert [each.node for each in heard] == ["b"]


def test_it_is_said_once_why_a_checkpoint_is_not_saved(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    found = run("a", "b", doubts={"b": "its source is not there"})
    for _ in range(2):
        found.computed("a", {1, 2}, 0.0, ())
        found.computed("b", 1, 0.0, ())
    levels = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert [each for each, _ in levels] == [logging.WARNING] * 2
    assert "no codec is registered for builtins.set" in levels[0][1]
    assert "its source is not there" in levels[1][1]


class Pruned(CheckpointStore):
    """A store in which another run deletes a file between its being found and being copied."""

    def file(self, fingerprint: str) -> Path | None:
        found = super().file(fingerprint)
        if found is not None:
            found.unlink()
        return found


def test_what_another_run_deletes_is_not_handed_on(
    tmp_path: Path, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    found = Fingerprints({"a": _fingerprint("a")}, {})
    kept = Checkpoints(Pruned(tmp_path, 1_000_000, 3600), found, {"a"}, heard.append)
    kept.computed("a", 1, 0.0, ())
    assert kept.stage(["a"], tmp_path) == ()
    assert "node 'a' is not saved and will be computed anew: it is not there" in caplog.text


def test_files_count_by_content_and_order(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("a")
    two.write_text("b")
    assert digest_of_files([one, two]) != digest_of_files([two, one])
    before = digest_of_files([one])
    assert digest_of_files([one.rename(tmp_path / "3")]) == before


def test_work_since_the_last_save_counts_once() -> None:
    worth = SavingPolicy()
    worth.computed("top", 10.0, ())
    worth.computed("left", 1.0, ("top",))
    worth.computed("right", 1.0, ("top",))
    assert worth.computed("bottom", 1.0, ("left", "right"))
    assert worth.is_worth("bottom", 13.0 / 20)
    assert not worth.is_worth("bottom", 13.1 / 20)
    worth.saved("top")
    worth.computed("next", 1.0, ("left", "right"))
    assert worth._unsaved("next") == 3.0


def test_a_lattice_does_not_count_more_than_all_there_was() -> None:
    worth = SavingPolicy()
    worth.computed("0", 1.0, ())
    for level in range(1, 2000):
        worth.computed(str(level), 0.0, (str(level - 1),) * 2)
    assert worth._unsaved("1999") == 1.0
    assert worth._behind["1999"] == 1.0


def test_saves_that_nobody_asked_for_take_a_twentieth() -> None:
    worth = SavingPolicy()
    worth.computed("a", 100.0, ())
    assert worth.is_worth("a", 4.0)
    worth.spent(4.0)
    assert not worth.is_worth("a", 1.1)
    assert worth.is_worth("a", 1.0)
    worth.computed("b", 100.0, ())
    assert worth.is_worth("b", 5.0)


def test_the_cost_is_that_of_the_saves_so_far_of_the_type() -> None:
    worth = SavingPolicy()
    assert worth.cost(bytes, 10) is None
    worth.measured(bytes, 1000, 1.0)
    assert worth.cost(bytes, 5000) == 5.0
    assert worth.cost(bytes, 5) == 1.0
    assert worth.cost(str, 5) is None
    for _ in range(3):
        worth.measured(bytes, 1000, 1.0)
    assert worth.cost(bytes, 1000) == 1.0  # and not what all of them took together
    assert worth.cost(bytes, 5000) == 5.0


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": np.zeros(96_000)}),
        pd.Series(np.zeros(96_000)),
        np.zeros(96_000),
        pa.table({"a": np.zeros(96_000)}),
    ],
)
def test_two_samples_tell_what_a_save_costs_from_what_its_rows_do(value: object) -> None:
    ticks = iter([0.0, 3.0, 3.0, 8.0])  # 3 s for a thousand rows, 5 s for twenty thousand
    assert sample_cost(value, lambda: next(ticks)) == 5.0 + 2.0 * 4
    ticks = iter([0.0, 9.0, 9.0, 10.0])  # the first was disturbed
    assert sample_cost(value, lambda: next(ticks)) == 1.0


def test_what_is_small_is_measured_whole() -> None:
    ticks = iter([0.0, 3.0])
    assert sample_cost(pd.DataFrame({"a": np.zeros(20_000)}), lambda: next(ticks)) == 3.0


def test_sizes_are_those_in_memory() -> None:
    assert size_of(np.zeros(10)) == 80
    assert (size_of(pd.DataFrame({"a": np.zeros(10)})) or 0) >= 80
    assert (size_of({"a": [1, 2]}) or 0) > 100
    assert size_of(["x" * 100_000] * 20) is None
