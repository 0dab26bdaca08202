from __future__ import annotations

import math

import pytest

from isthmus_contracts.formatting import (
    counted,
    printable,
    printable_lines,
    shortened,
    shown,
    shown_number,
)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\x00", r"a\rb\x00"),
        ("\u202eexe.txt\u2066", r"\u202eexe.txt\u2066"),
        ("\ud800", r"\ud800"),
        ("\u2028\x85\x0b\x0c\x1c", r"\u2028\x85\x0b\x0c\x1c"),
        ("delays\npublished release 1", r"delays\npublished release 1"),
    ],
)
def test_control_characters_and_newlines_become_escapes(text: str, escaped: str) -> None:
    assert printable(text) == escaped
    assert len(printable(text).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "a\tb", "Zoë — 東京 👩\u200d🔬\u00a0%", r"C:\x1b"])
def test_other_text_does_not_change(text: str) -> None:
    assert printable(text) == text


def test_a_text_with_lines_of_its_own_keeps_newlines_only() -> None:
    text = 'Traceback:\n  File "x.py"\r\n\x1b[2JKeyError: 1\u2028'
    assert printable_lines(text) == 'Traceback:\n  File "x.py"\\r\n\\x1b[2JKeyError: 1\\u2028'


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
