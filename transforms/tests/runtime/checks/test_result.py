from __future__ import annotations

import time

from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.rules import CheckResult
from isthmus_transforms.runtime.checks.result import check_finished, ignore, refusals

FAILED = CheckResult(
    "a.minimum", "error", False, "column 'a' has 2 values below 0", 2, ("(1)", "(2)")
)


def test_a_result_is_reported_as_an_event() -> None:
    before = time.time()
    event = check_finished("days", FAILED)
    assert before <= event.at <= time.time()
    assert event == CheckFinished(event.at, "days", FAILED)
    ignore(event)


def test_an_event_has_a_bounded_number_of_short_examples() -> None:
    many = CheckResult("c", "error", False, "y" * 10_000, 9, tuple("x" * 1_000 for _ in range(9)))
    result = check_finished("days", many).result
    assert [len(example) for example in result.examples] == [100] * 5
    assert len(result.message) == 500


def test_what_only_warns_or_passed_refuses_nothing() -> None:
    warning = CheckResult("a", "warning", False, "it warns", 1)
    passed = CheckResult("a", "error", True, "it passed")
    assert refusals([warning, passed]) == []
    assert refusals([warning, FAILED]) == ["column 'a' has 2 values below 0 (see (1), (2))"]
