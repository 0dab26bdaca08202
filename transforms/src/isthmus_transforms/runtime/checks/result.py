"""Verdicts: what a check has found, told with a bounded number of keys and characters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from isthmus_contracts.protocol import CheckFinished, Event

Level: TypeAlias = Literal["error", "warning"]
Listener: TypeAlias = Callable[[Event], None]
MOST_EXAMPLES = 5
LONGEST_EXAMPLE = 100
LONGEST_MESSAGE = 500
_MOST_IN_A_SENTENCE = 3


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Say what one check has found; `broken` counts what broke it, and is 0 if nothing did.

    `found` is a clause, such as `column 'a' has 2 nulls; the contract says not null`.
    """

    check: str
    level: Level
    passed: bool
    found: str
    broken: int = 0
    examples: tuple[str, ...] = ()

    def about(self, kind: str, subject: str) -> CheckFinished:
        """Return the event that tells it of an input, a table or a node, say."""
        message = shortened(f"{kind} {subject!r}: {self.found}", LONGEST_MESSAGE)
        examples = tuple(
            shortened(example, LONGEST_EXAMPLE) for example in islice(self.examples, MOST_EXAMPLES)
        )
        return CheckFinished(
            time.time(),
            subject,
            self.check,
            self.level,
            self.passed,
            message,
            self.broken,
            examples,
        )


SCHEMA_KEPT = CheckResult("schema", "error", True, "it has the columns and types of the contract")


def ignore(_event: Event) -> None:
    """Hear nothing."""


def refusals(check_results: Iterable[CheckResult]) -> list[str]:
    """Return what was found by those checks that let nothing pass, and where."""
    return [
        with_examples(check_result.found, check_result.examples)
        for check_result in check_results
        if check_result.level == "error" and not check_result.passed
    ]


def with_examples(found: str, examples: Sequence[str]) -> str:
    """Return what was found with the rows to see, unless it names them itself."""
    shown = [shortened(example, LONGEST_EXAMPLE) for example in examples[:_MOST_IN_A_SENTENCE]]
    return found if not shown or shown[0] in found else f"{found} (see {', '.join(shown)})"


def shortened(text: str, longest: int) -> str:
    """Return the text on one line, cut off where it is longer."""
    line = " ".join(text[: 2 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 row` or `3 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
