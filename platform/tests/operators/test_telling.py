from __future__ import annotations

from dataclasses import replace
from logging import ERROR, WARNING

from isthmus_contracts.protocol import Quality
from isthmus_platform.operators.telling import line_of

LOW = Quality(1.0, "days", "days.low", "warning", False, "table 'days': 9 values are low", 9)


def test_what_breaks_a_check_is_a_line_with_some_of_its_rows() -> None:
    assert line_of(LOW) == (WARNING, "table 'days': 9 values are low (days.low)")
    keys = tuple(f"({number})" for number in range(9))
    _, text = line_of(replace(LOW, examples=keys)) or (0, "")
    assert text.endswith(" (days.low; see (0), (1), (2), (3), (4))")


def test_what_has_to_pass_and_did_not_is_an_error() -> None:
    level, _ = line_of(replace(LOW, level="error")) or (0, "")
    assert level == ERROR


def test_what_passed_is_no_line() -> None:
    assert line_of(replace(LOW, passed=True, broken=0)) is None
