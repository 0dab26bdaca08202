"""What an attempt's answers amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isthmus_contracts.protocol import Answer, CheckFinished, Graph, NodeFailed, NodeFinished


@dataclass(frozen=True, slots=True)
class Progress:
    """Count functions: `done` of `total`, in `seconds` altogether; and checks that `passed`.

    `warnings` holds a sentence for each subject and check that warned. A check of a table is
    reported by the runner and again by acceptance, whose result counts.
    """

    done: int
    total: int
    seconds: float
    slowest: tuple[tuple[str, float], ...] = ()
    warnings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    passed: int = 0


def summarize(answers: Iterable[Answer], slowest: int = 3) -> Progress:
    """Return how far an attempt has come, and which functions took longest."""
    total = 0
    seconds: dict[str, float] = {}
    warnings: dict[tuple[str, str], str] = {}
    passed = 0
    for answer in answers:
        if isinstance(answer, Graph):
            total = sum(node.kind == "function" for node in answer.nodes)
        elif isinstance(answer, NodeFinished | NodeFailed):
            seconds[answer.node] = answer.seconds
        elif isinstance(answer, CheckFinished):
            result = answer.result
            passed += result.passed
            if result.level == "warning" and not result.passed:
                warnings[answer.subject, result.check] = f"{answer.subject}: {result.message}"
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:slowest]
    return Progress(len(seconds), total, sum(seconds.values()), tuple(longest), warnings, passed)
