from __future__ import annotations

import time

import pytest

from isthmus_contracts.protocol import CheckFinished
from isthmus_transforms.runtime.checks.result import (
    CheckResult,
    counted,
    refusals,
    shortened,
    with_examples,
)

BROKEN = CheckResult(
    "a.minimum", "error", False, "column 'a' has 2 values below 0", 2, ("(1)", "(2)")
)


def test_a_verdict_is_told_as_an_event() -> None:
    before = time.time()
    event = BROKEN.about("table", "days")
    assert before <= event.at <= time.time()
    assert event == CheckFinished(
        event.at,
        "days",
        "a.minimum",
        "error",
        False,
        "table 'days': column 'a' has 2 values below 0",
        2,
        ("(1)", "(2)"),
    )


def test_an_event_has_a_bounded_number_of_short_examples() -> None:
    many = CheckResult("c", "error", False, "y" * 10_000, 9, tuple("x" * 1_000 for _ in range(9)))
    event = many.about("table", "days")
    assert [len(example) for example in event.examples] == [100] * 5
    assert len(event.message) == 500


def test_what_only_warns_or_passed_refuses_nothing() -> None:
    warning = CheckResult("a", "warning", False, "it warns", 1)
    passed = CheckResult("a", "error", True, "it passed")
    assert refusals([warning, passed]) == []
    assert refusals([warning, BROKEN]) == ["column 'a' has 2 values below 0 (see (1), (2))"]


def test_at_most_three_examples_are_in_a_sentence_and_none_twice() -> None:
    assert with_examples("bad", ["r1", "r2", "r3", "r4"]) == "bad (see r1, r2, r3)"
    assert with_examples("bad, such as row 1", ["row 1"]) == "bad, such as row 1"
    assert with_examples("bad", []) == "bad"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("exactly 10", "exactly 10"),
        ("a little more", "a littl..."),
        (" several\n lines\t", "several..."),
        ("a\nb", "a b"),
    ],
)
def test_a_text_is_shortened_to_one_line(text: str, short: str) -> None:
    assert shortened(text, 10) == short


def test_a_number_has_its_noun() -> None:
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
