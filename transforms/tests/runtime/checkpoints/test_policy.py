from __future__ import annotations

from isthmus_transforms.runtime.checkpoints.policy import (
    FIRST_BYTES_PER_SECOND,
    FIRST_SECONDS,
    SavingPolicy,
)


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
    policy.spent += 4.0
    assert not policy.is_worthwhile("a", 1.1)
    assert policy.is_worthwhile("a", 1.0)
    policy.record_computed("b", 100.0, ())
    assert policy.is_worthwhile("b", 5.0)


def test_the_cost_is_estimated_from_earlier_saves_of_the_type() -> None:
    policy = SavingPolicy()
    assert policy.estimated_cost(bytes, 0) == FIRST_SECONDS
    assert policy.estimated_cost(bytes, 10**9) == FIRST_SECONDS + 10**9 / FIRST_BYTES_PER_SECOND
    policy.record_save(bytes, 1000, 1.0)
    assert policy.estimated_cost(bytes, 5000) == 5.0
    assert policy.estimated_cost(bytes, 5) == 1.0
    assert policy.estimated_cost(str, 0) == FIRST_SECONDS
    for _ in range(3):
        policy.record_save(bytes, 1000, 1.0)
    assert policy.estimated_cost(bytes, 1000) == 1.0  # and not the sum of all
    assert policy.estimated_cost(bytes, 5000) == 5.0
