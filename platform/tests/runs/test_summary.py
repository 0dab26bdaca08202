from __future__ import annotations

from isthmus_contracts.protocol import (
    CheckFinished,
    Graph,
    GraphNode,
    NodeFailed,
    NodeFinished,
    NodeStarted,
)
from isthmus_platform.runs import Progress, summarize

NAMES = ("delays", "scores", "model", "card")
GRAPH = Graph(
    0.0,
    (
        GraphNode("flights", "input", "table", "Flights.", ()),
        GraphNode("origin", "param", "str", "Airport.", ()),
        *(GraphNode(name, "function", "table", "", ("flights",)) for name in NAMES),
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


def test_what_was_warned_of_is_repeated_once() -> None:
    low = CheckFinished(1.0, "days", "range", "warning", False, "2 values below 5")
    passed = CheckFinished(1.0, "days", "range", "warning", True, "fine")
    refused = CheckFinished(1.0, "days", "range", "error", False, "1 null")
    progress = summarize([low, passed, refused, low])
    assert progress.warnings == ("2 values below 5",)
    assert progress.passed == 1
