from __future__ import annotations

from isthmus_contracts.protocol import (
    NodeFailed,
    RunFailure,
    RunIdentity,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.runners.sanitize import sanitize_answer


def test_every_text_in_an_answer_is_escaped_and_nothing_else_changes() -> None:
    identity = RunIdentity("manual__1", "transform", 1)
    file = StagedFile("a\x1b.arrows", 1, "0" * 64, 3)
    output = StagedOutput("days\x07", (file,), None)
    metrics = StagedOutput("metrics", (), {"m\x07": 1.5})
    result = RunResult(identity, "station_days.v1", "1.0.0", "\x9b", (output, metrics))
    escaped = sanitize_answer(result)
    assert escaped.identity == identity
    assert escaped.code_version == r"\x9b"
    assert escaped.outputs[0].files == (StagedFile(r"a\x1b.arrows", 1, "0" * 64, 3),)
    assert escaped.outputs[1].metrics == {r"m\x07": 1.5}


def test_only_a_traceback_keeps_its_lines() -> None:
    forged = "delays\npublished release 1"
    failed = NodeFailed(1.0, forged, 0.0, forged)
    line = r"delays\npublished release 1"
    assert sanitize_answer(failed) == NodeFailed(1.0, line, 0.0, line)
    failure = RunFailure("dataflow", forged, forged, forged, forged, 1, "first\n\x1bsecond\n")
    escaped = RunFailure("dataflow", line, line, line, line, 1, "first\n\\x1bsecond\n")
    assert sanitize_answer(failure) == escaped
    assert sanitize_answer(RunFailure("request", forged)) == RunFailure("request", line)
