from __future__ import annotations

import io

import pytest

from isthmus_contracts.protocol import Graph, GraphNode, NodeStarted, encode
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.stream import read_answers, relay_log

EVENT = NodeStarted(1.0, "a")


def test_answers_come_one_by_one() -> None:
    stream = io.BytesIO(f"{encode(EVENT)}\n".encode() * 3)
    assert list(read_answers(stream, "runner")) == [EVENT] * 3


def test_the_supervisors_message_names_the_command() -> None:
    stream = io.BytesIO(b'{"supervisor": "Permission denied"}\n')
    with pytest.raises(RunnerError, match="command 'runner' cannot be run: Permission denied"):
        list(read_answers(stream, "runner"))


@pytest.mark.parametrize("line", [b'{"supervisor":', b'{"supervisor": 1', b"\n", b"null\n"])
def test_anything_else_breaks_the_protocol(line: bytes) -> None:
    with pytest.raises(RunnerError, match="the runner broke the protocol: "):
        list(read_answers(io.BytesIO(line), "runner"))


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("_MAX_LINE_BYTES", 20, "a line is longer than 20 bytes"),
        ("_MAX_LINE_VALUES", 3, "a line has more than 3 values"),
        ("_MAX_VALUES", 9, "its answers have more than 9 values"),
        ("_MAX_ANSWERS", 2, "it sent more than 2 answers"),
        ("_MAX_ANSWER_BYTES", 100, "its answers have more than 100 bytes"),
    ],
)
def test_there_is_a_limit(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    monkeypatch.setattr(f"isthmus_platform.runners.stream.{limit}", value)
    with pytest.raises(RunnerError, match=words):
        list(read_answers(io.BytesIO(f"{encode(EVENT)}\n".encode() * 3), "runner"))


def test_a_graph_that_says_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = tuple(GraphNode(f"n{number}", "function", "int", "", ()) for number in range(3))
    line = f"{encode(Graph(1.0, nodes))}\n".encode()
    assert len(list(read_answers(io.BytesIO(line), "runner"))) == 1
    monkeypatch.setattr("isthmus_contracts.protocol.bounds.MAX_NODES", 2)
    words = "broke the protocol: the graph has 3 nodes; at most 2 are allowed"
    with pytest.raises(RunnerError, match=words):
        list(read_answers(io.BytesIO(line), "runner"))


def test_a_log_beyond_its_limit_is_read_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus_platform.runners.stream._MAX_LOG_BYTES", 10)
    lines: list[str] = []
    stream = io.BytesIO(b"123456789\n" * 5)
    relay_log(stream, lines.append)
    assert lines == ["123456789", "the rest is omitted: the log has more than 10 bytes"]
    assert stream.closed
