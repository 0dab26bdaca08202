from __future__ import annotations

import pytest

from isthmus_contracts.protocol import (
    RunIdentity,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.runners.sanitize import escape, escape_answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\x00", r"a\rb\x00"),
        ("\u202eexe.txt\u2066", r"\u202eexe.txt\u2066"),
        ("\ud800", r"\ud800"),
        ("\u2028\x85", r"\u2028\x85"),
    ],
)
def test_what_steers_a_terminal_is_shown(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize("text", ["", "a\tb\nc", "Zoë — 東京 👩\u200d🔬\u00a0%", r"C:\x1b"])
def test_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_every_text_in_an_answer_is_escaped_and_nothing_else_changes() -> None:
    identity = RunIdentity("manual__1", "transform", 1)
    file = StagedFile("a\x1b.parquet", 1, "0" * 64, 3)
    output = StagedOutput("days\x07", (file,), None)
    metrics = StagedOutput("metrics", (), {"m\x07": 1.5})
    result = RunResult(identity, "airport_days.v1", "1.0.0", "\x9b", (output, metrics))
    escaped = escape_answer(result)
    assert escaped.identity == identity
    assert escaped.code_version == r"\x9b"
    assert escaped.outputs[0].files == (StagedFile(r"a\x1b.parquet", 1, "0" * 64, 3),)
    assert escaped.outputs[1].metrics == {r"m\x07": 1.5}
