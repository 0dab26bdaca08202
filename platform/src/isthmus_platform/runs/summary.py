"""What an attempt's answers amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isthmus_contracts.protocol import Answer, CheckFinished, Graph, NodeFailed, NodeFinished


@dataclass(frozen=True, slots=True)
class Progress:
    """Count functions: `done` of `total`, in `seconds` altogether; and checks that `passed`.

    Repeat what was warned of, once each: what a runner told, acceptance tells in the same words.
    """

    done: int
    total: int
    seconds: float
    slowest: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = ()
    passed: int = 0


def summarize(answers: Iterable[Answer], slowest: int = 3) -> Progress:
    """Return how far an attempt has come, and which functions took longest."""
    total = 0
    seconds: dict[str, float] = {}
    warnings: dict[str, None] = {}
    passed = 0
    for answer in answers:
        if isinstance(answer, Graph):
            total = sum(node.kind == "function" for node in answer.nodes)
        elif isinstance(answer, NodeFinished | NodeFailed):
            seconds[answer.node] = answer.seconds
        elif isinstance(answer, CheckFinished):
            passed += answer.passed
            if answer.level == "warning" and not answer.passed:
                warnings[answer.message] = None
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:slowest]
    return Progress(
        len(seconds), total, sum(seconds.values()), tuple(longest), tuple(warnings), passed
    )
