"""Reporting check results: as events, and as reasons to refuse data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

from isthmus_contracts.protocol import CheckFinished, Event
from isthmus_contracts.rules import CheckResult

Listener: TypeAlias = Callable[[Event], None]


def check_finished(subject: str, result: CheckResult) -> CheckFinished:
    """Return the event that reports a result about an input, an output or a node."""
    return CheckFinished(time.time(), subject, result.bounded())


def ignore(_event: Event) -> None:
    """Do nothing with an event."""


def refusals(results: Iterable[CheckResult]) -> list[str]:
    """Return the sentence of each result for which data are refused."""
    return [result.sentence for result in results if result.is_refusal]
