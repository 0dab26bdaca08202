"""What a hostile runner tries to say: too much, too long, and what is no text."""

from __future__ import annotations

import resource
from typing import Protocol

import pytest

from isthmus_contracts.protocol import Answer, NodeFailed
from isthmus_platform.markdown import literal
from isthmus_platform.pipeline.event_log import format_event

pytestmark = pytest.mark.slow


class Outcome(Protocol):
    """The outcome of an attack, as the fixture gives it."""

    error: str
    log: list[str]
    answers: list[Answer]
    seconds: float


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    def attack(self, text: str) -> Outcome: ...


def peak() -> int:
    """Return how much memory this process has ever used, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


EVENT = '{"protocol":1,"type":"node_started","at":1.0,"node":"%s"}'


def test_an_event_of_100_mb_is_refused(field: Battlefield) -> None:
    before = peak()
    outcome = field.attack(f"print({EVENT!r} % ('x' * 100_000_000))")
    assert outcome.error == "the runner broke the protocol: a line is longer than 16,777,216 bytes"
    assert peak() - before < 100


def graph_of(dependencies: int) -> str:
    """Return lines that send a graph whose one node has so many dependencies."""
    node = '{"name":"a","kind":"function","type":"","description":"","dependencies":[%s]}'
    graph = '{"protocol":1,"type":"graph","at":1.0,"nodes":[' + node + "]}"
    return f"print({graph!r} % ','.join(['\"a\"'] * {dependencies}))"


def test_a_graph_of_four_million_dependencies_is_refused(field: Battlefield) -> None:
    before = peak()
    outcome = field.attack(graph_of(4_000_000))
    assert outcome.error == "the runner broke the protocol: a line has more than 600,000 values"
    assert peak() - before < 100


def test_a_graph_of_many_dependencies_is_refused(field: Battlefield) -> None:
    before = peak()
    outcome = field.attack(graph_of(500_000))
    words = "the graph has 500,000 dependencies; at most 200,000 are allowed"
    assert outcome.error == f"the runner broke the protocol: {words}"
    assert peak() - before < 300


def test_a_million_events_are_refused(field: Battlefield) -> None:
    text = f"for number in range(1_000_000): print({EVENT!r} % number)"
    outcome = field.attack(text)
    assert outcome.error == "the runner broke the protocol: it sent more than 100,000 answers"
    assert len(outcome.answers) == 100_000


def test_large_events_are_refused_together(field: Battlefield) -> None:
    outcome = field.attack(f"for number in range(100): print({EVENT!r} % ('x' * 1_000_000))")
    words = "the runner broke the protocol: its answers have more than 67,108,864 bytes"
    assert outcome.error == words


def test_events_without_newline_are_refused(field: Battlefield) -> None:
    text = f"while True: sys.stdout.write({EVENT!r})"
    outcome = field.attack(text)
    assert outcome.error == "the runner broke the protocol: a line is longer than 16,777,216 bytes"
    outcome = field.attack(f"sys.stdout.write({EVENT!r} * 2)")
    assert outcome.error.startswith("the runner broke the protocol: ")


def test_invalid_utf_8_is_data(field: Battlefield) -> None:
    event = EVENT.encode() % b"\xff\xfe"
    text = (
        "sys.stderr.buffer.write(b'\\xff'); sys.stderr.flush()\n"
        f"sys.stdout.buffer.write({event!r} + b'\\n\\xff\\n')"
    )
    outcome = field.attack(text)
    assert outcome.error.startswith("the runner broke the protocol: message: not a JSON object")
    assert outcome.answers[0].node == "\ufffd\ufffd"  # type: ignore[union-attr] # it is NodeStarted
    assert outcome.log == ["\ufffd"]


CONTROLS = "\x1b[2J\x1b]0;title\x07\r\x08\x9b31m\u202egnp"
ESCAPED = r"\x1b[2J\x1b]0;title\x07\r\x08\x9b31m\u202egnp"


def test_control_sequences_in_log_lines_are_escaped(field: Battlefield) -> None:
    text = f"sys.stderr.reconfigure(encoding='utf-8'); print({CONTROLS!r} + 'x', file=sys.stderr)"
    assert field.attack(text).log == [ESCAPED + "x"]


def test_control_sequences_in_events_are_escaped(field: Battlefield) -> None:
    text = (
        "event = {'protocol': 1, 'type': 'node_failed', 'at': 1.0, 'seconds': 0.0}\n"
        f"event |= {{'node': {CONTROLS!r}, 'error': 'first\\nsecond \\ud800'}}\n"
        "print(json.dumps(event))"
    )
    assert field.attack(text).answers == [NodeFailed(1.0, ESCAPED, 0.0, r"first\nsecond \ud800")]


def test_a_newline_in_a_name_forges_no_line(field: Battlefield) -> None:
    forged = "delays\npublished release 1 of delays.v1"
    text = (
        "event = {'protocol': 1, 'type': 'node_failed', 'at': 1.0, 'seconds': 0.0}\n"
        f"print(json.dumps(event | {{'node': {forged!r}, 'error': {forged!r}}}))"
    )
    (answer,) = field.attack(text).answers
    line = format_event(answer)
    assert line is not None
    assert line[1].count("published release 1") == 2
    assert len(line[1].splitlines()) == 1


def test_an_address_in_a_name_becomes_no_link(field: Battlefield) -> None:
    addresses = "https://evil.example www.evil.example me@evil.example"
    text = (
        "event = {'protocol': 1, 'type': 'node_failed', 'at': 1.0, 'seconds': 0.0}\n"
        f"print(json.dumps(event | {{'node': {addresses!r}, 'error': ''}}))"
    )
    (answer,) = field.attack(text).answers
    assert isinstance(answer, NodeFailed)
    shown = literal(answer.node)
    assert shown.replace("\u2060", "") == addresses
    assert not any(link in shown for link in ("://", "www.", "@evil"))


def test_a_message_in_an_error_is_escaped(field: Battlefield) -> None:
    outcome = field.attack(f"sys.stdout.buffer.write({CONTROLS!r}.encode() + b'\\n')")
    assert "\x1b" not in outcome.error
    assert len(outcome.error) < 300


def test_a_log_without_end_is_cut(field: Battlefield) -> None:
    text = "line = 'x' * 1023 + '\\n'\nfor _ in range(80_000): sys.stderr.write(line)"
    outcome = field.attack(text)
    assert outcome.log[-1] == "the rest is omitted: the log has more than 67,108,864 bytes"
    assert sum(map(len, outcome.log)) < 68_000_000


def test_a_forged_message_of_the_supervisor_is_a_refusal(field: Battlefield) -> None:
    for word in ('{"supervisor": "\\u001b[2J"}', '{"supervisor":"\\u001b[2J"}', '{"supervisor":'):
        outcome = field.attack(f"print({word!r})")
        assert outcome.error.startswith("the runner")
        assert "\x1b" not in outcome.error
