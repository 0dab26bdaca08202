from __future__ import annotations

import pytest

from isthmus_platform.terminal.escape import printable


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\x00", r"a\rb\x00"),
        ("\u202eexe.txt\u2066", r"\u202eexe.txt\u2066"),
        ("\ud800", r"\ud800"),
        ("\u2028\x85", r"\u2028\x85"),
    ],
)
def test_control_characters_become_escapes(text: str, escaped: str) -> None:
    assert printable(text) == escaped


@pytest.mark.parametrize("text", ["", "a\tb\nc", "Zoë — 東京 👩\u200d🔬\u00a0%", r"C:\x1b"])
def test_other_text_does_not_change(text: str) -> None:
    assert printable(text) == text
