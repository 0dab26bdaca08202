from __future__ import annotations

import math

import pytest

from isthmus_contracts.formatting import counted, shortened, shown, shown_number


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
    numbers = (0, 1, 2, 3000)
    texts = ["0 rows", "1 row", "2 rows", "3,000 rows"]
    assert [counted(number, "row") for number in numbers] == texts


def test_text_is_quoted_and_cut_off() -> None:
    assert shown("a\n\x1b") == "'a\\n\\x1b'"
    assert shown(2.5) == "2.5"
    assert shown("x" * 10_000) == f"'{'x' * 59}..."


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (2.0, "2"),
        (-60.5, "-60.5"),
        (0.1, "0.1"),
        (2**62 + 1, "4611686018427387905"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_number_has_all_its_digits(number: float, text: str) -> None:
    assert shown_number(number) == text
