from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from isthmus_transforms.runtime.checkpoints.codecs import NotSavableError
from isthmus_transforms.runtime.checkpoints.policy import SavingPolicy, sample_cost, size_of


def test_work_since_the_last_save_counts_once() -> None:
    policy = SavingPolicy()
    policy.record_computed("top", 10.0, ())
    policy.record_computed("left", 1.0, ("top",))
    policy.record_computed("right", 1.0, ("top",))
    assert policy.record_computed("bottom", 1.0, ("left", "right"))
    assert policy.is_worthwhile("bottom", 13.0 / 20)
    assert not policy.is_worthwhile("bottom", 13.1 / 20)
    policy.record_saved("top")
    policy.record_computed("next", 1.0, ("left", "right"))
    assert policy._unsaved("next") == 3.0


def test_work_counts_at_most_once_in_a_graph_of_many_paths() -> None:
    policy = SavingPolicy()
    policy.record_computed("0", 1.0, ())
    for level in range(1, 2000):
        policy.record_computed(str(level), 0.0, (str(level - 1),) * 2)
    assert policy._unsaved("1999") == 1.0
    assert policy._seconds_behind["1999"] == 1.0


def test_optional_saves_take_at_most_a_twentieth() -> None:
    policy = SavingPolicy()
    policy.record_computed("a", 100.0, ())
    assert policy.is_worthwhile("a", 4.0)
    policy.record_overhead(4.0)
    assert not policy.is_worthwhile("a", 1.1)
    assert policy.is_worthwhile("a", 1.0)
    policy.record_computed("b", 100.0, ())
    assert policy.is_worthwhile("b", 5.0)


def test_the_cost_is_estimated_from_earlier_saves_of_the_type() -> None:
    policy = SavingPolicy()
    assert policy.estimated_cost(bytes, 10) is None
    policy.record_save(bytes, 1000, 1.0)
    assert policy.estimated_cost(bytes, 5000) == 5.0
    assert policy.estimated_cost(bytes, 5) == 1.0
    assert policy.estimated_cost(str, 5) is None
    for _ in range(3):
        policy.record_save(bytes, 1000, 1.0)
    assert policy.estimated_cost(bytes, 1000) == 1.0  # and not the sum of all
    assert policy.estimated_cost(bytes, 5000) == 5.0


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": np.zeros(96_000)}),
        pd.Series(np.zeros(96_000)),
        np.zeros(96_000),
        pa.table({"a": np.zeros(96_000)}),
    ],
)
def test_two_samples_separate_the_fixed_cost_from_the_cost_of_rows(value: object) -> None:
    ticks = iter([0.0, 3.0, 3.0, 8.0])  # 3 s for a thousand rows, 5 s for twenty thousand
    assert sample_cost(value, lambda: next(ticks)) == 5.0 + 2.0 * 4
    ticks = iter([0.0, 9.0, 9.0, 10.0])  # something slowed the first down
    assert sample_cost(value, lambda: next(ticks)) == 1.0


def test_a_small_value_is_measured_whole() -> None:
    ticks = iter([0.0, 3.0])
    assert sample_cost(pd.DataFrame({"a": np.zeros(20_000)}), lambda: next(ticks)) == 3.0


def test_sizes_are_those_in_memory() -> None:
    assert size_of(np.zeros(10)) == 80
    assert (size_of(pd.DataFrame({"a": np.zeros(10)})) or 0) >= 80
    assert (size_of({"a": [1, 2]}) or 0) > 100
    assert size_of(["x" * 100_000] * 20) is None


def test_a_value_without_a_codec_has_no_cost() -> None:
    with pytest.raises(NotSavableError, match=r"no codec is registered for builtins\.set"):
        sample_cost({1})
