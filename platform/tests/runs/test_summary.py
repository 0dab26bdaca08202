from __future__ import annotations

from isthmus_contracts.protocol import (
    CheckFinished,
    Graph,
    GraphNode,
    NodeFailed,
    NodeFinished,
    NodeStarted,
)
from isthmus_contracts.rules import CheckResult, Level
from isthmus_platform.runs import Progress, summarize

NAMES = ("delays", "scores", "model", "card")
GRAPH = Graph(
    0.0,
    (
        GraphNode("parcels", "input", "table", "Parcels.", ()),
        GraphNode("origin", "param", "str", "Airport.", ()),
        *(GraphNode(name, "function", "table", "", ("parcels",)) for name in NAMES),
    ),
)


def test_nothing_was_said_yet() -> None:
    assert summarize([]) == Progress(0, 0, 0.0)


def test_functions_are_counted_and_their_time() -> None:
    progress = summarize([GRAPH, NodeStarted(1.0, "delays"), NodeFinished(2.0, "delays", 1.5)])
    assert (progress.done, progress.total, progress.seconds) == (1, 4, 1.5)
    assert progress.slowest == (("delays", 1.5),)


def test_a_function_that_failed_took_time_too() -> None:
    progress = summarize([GRAPH, NodeFailed(2.0, "delays", 0.5, "ZeroDivisionError")])
    assert (progress.done, progress.seconds) == (1, 0.5)


def test_the_slowest_come_first() -> None:
    finished = [NodeFinished(1.0, name, index) for index, name in enumerate(NAMES)]
    progress = summarize([GRAPH, *finished], slowest=2)
    assert progress.slowest == (("card", 3), ("model", 2))


def check(subject: str, name: str, level: Level, message: str, *, passed: bool) -> CheckFinished:
    return CheckFinished(1.0, subject, CheckResult(name, level, passed, message))


def test_what_was_warned_of_is_repeated_once() -> None:
    low = check("days", "range", "warning", "2 values below 5", passed=False)
    passed = check("days", "other", "warning", "fine", passed=True)
    refused = check("days", "range", "error", "1 null", passed=False)
    progress = summarize([low, passed, refused, low])
    assert progress.warnings == {("days", "range"): "days: 2 values below 5"}
    assert progress.passed == 1


def test_a_warning_is_known_by_its_subject_and_check_and_acceptance_counts_last() -> None:
    reported = check("days", "a.minimum", "warning", "1 value below 5", passed=False)
    accepted = check("days", "a.minimum", "warning", "2 values below 5", passed=False)
    elsewhere = check("hours", "a.minimum", "warning", "1 value below 5", passed=False)
    progress = summarize([reported, elsewhere, accepted])
    assert list(progress.warnings.values()) == [
        "days: 2 values below 5",
        "hours: 1 value below 5",
    ]
