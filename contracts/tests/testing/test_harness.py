from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from isthmus_contracts.protocol import CapabilitiesRequest, Graph, NodeStarted, encode
from isthmus_contracts.testing import conformance as kit
from isthmus_contracts.testing.harness import Subject, Transcript, run

GRAPH = Graph(0.0, ())
STARTED = NodeStarted(0.0, "a")
ECHO = """read -r line; printf '%s' "$line" >&2; exit 3"""


def test_answers_status_and_log_are_kept(puppet: Callable[..., Subject]) -> None:
    assert run(puppet(GRAPH, STARTED, status=5)) == Transcript((GRAPH, STARTED), 5, "", (1, 1))


@pytest.mark.parametrize("line", [None, encode(CapabilitiesRequest()), "hello"])
def test_the_request_is_sent_unless_another_line_is_given(
    puppet: Callable[..., Subject], line: str | None
) -> None:
    subject = replace(puppet(), command=("/bin/sh", "-c", ECHO))
    transcript = run(subject, line)
    assert transcript.status == 3
    assert transcript.log == (encode(subject.request) if line is None else line)


def test_a_runner_that_hangs_is_found(puppet: Callable[..., Subject]) -> None:
    subject = replace(puppet(), command=("/bin/sh", "-c", "exec sleep 60"))
    with pytest.raises(AssertionError, match=r"^it has not exited after 0\.2 seconds$"):
        kit.it_ends_with_one_result(replace(subject, timeout=0.2))


def test_a_runner_that_does_not_listen_is_found(puppet: Callable[..., Subject]) -> None:
    deaf = replace(puppet(), command=("/bin/sh", "-c", "exit 0"))
    big = replace(deaf.request, staging="x" * 1_000_000)
    with pytest.raises(AssertionError, match="the last answer is None, expected a result"):
        kit.it_ends_with_one_result(replace(deaf, request=big))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "it writes a line that is not an answer: message: not a JSON object: ''"),
        ('{"protocol":1', "its last line has no end: '{\"protocol\":1'"),
        (
            '{"protocol":9}\n',
            "it writes a line that is not an answer: message.protocol: unknown version 9",
        ),
    ],
)
def test_a_line_that_is_no_answer_is_found(
    puppet: Callable[..., Subject], text: str, message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        run(puppet(text=text))


def test_a_runner_may_break_off_within_a_line_when_the_platform_is_gone(
    puppet: Callable[..., Subject],
) -> None:
    kit.it_stops_with_the_platform(puppet(GRAPH, status=4, text='{"protocol":1,"ty'))
