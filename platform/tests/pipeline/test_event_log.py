from __future__ import annotations

from dataclasses import replace
from logging import ERROR, WARNING

from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.rules import CheckResult
from isthmus_platform.pipeline.event_log import format_event

RESULT = CheckResult("days.low", "warning", False, "9 values are low", 9)


def event(**changes: object) -> CheckFinished:
    return CheckFinished(1.0, "days", replace(RESULT, **changes))  # type: ignore[arg-type]


def test_what_breaks_a_check_is_a_line_with_some_of_its_rows() -> None:
    assert format_event(event()) == (WARNING, "days: 9 values are low (days.low)")
    keys = tuple(f"({number})" for number in range(9))
    _, text = format_event(event(examples=keys)) or (0, "")
    assert text.endswith(" (days.low; see (0), (1), (2), (3), (4))")


def test_what_has_to_pass_and_did_not_is_an_error() -> None:
    level, _ = format_event(event(level="error")) or (0, "")
    assert level == ERROR


def test_what_passed_is_no_line() -> None:
    assert format_event(event(passed=True, violations=0)) is None
