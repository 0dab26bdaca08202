"""Schedules: cron expressions of five fields, in UTC, that come and mean what they seem to mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from croniter import croniter

_FIELDS = {"minute": 60, "hour": 24, "day of the month": 31, "month": 12, "day of the week": 7}
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
_EVERY = ("*", "?")
_STEP = re.compile(r"[*?]/(\d+)")
_RANDOM = re.compile(r"[hr](\W.*)?", re.IGNORECASE)


def schedule_problems(expression: str) -> Iterator[str]:
    """Yield what an expression has for which it is refused: "it has no time that ever comes"."""
    fields = _NAMED.get(expression, expression).split()
    if len(fields) != len(_FIELDS):
        known = ", ".join(_NAMED)
        yield f"{len(fields)} fields; expected five ({', '.join(_FIELDS)}), or one of {known}"
        return
    for (name, length), field in zip(_FIELDS.items(), fields, strict=True):
        step = _STEP.fullmatch(field)
        if step and (int(step[1]) == 0 or length % int(step[1])):
            yield f"the {name} {field!r}, which does not divide {length}; list the times instead"
        if _RANDOM.fullmatch(field):
            yield f"the {name} {field!r}, which is drawn at random; choose one"
    _, _, day, _, weekday = fields
    if day not in _EVERY and weekday not in _EVERY:
        yield (
            f"the days {day!r} and {weekday!r}, of which cron takes every day that matches either; "
            "set one of them to *"
        )
    try:
        next(next_runs(expression, datetime.now(UTC), 1))
    except ValueError as error:
        never = "failed to find" in str(error)
        yield "no time that ever comes" if never else f"a field that cron refuses: {error}"


def next_runs(expression: str, after: datetime, count: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the next times of a schedule, each after the time before it.

    Raise `ValueError` for an expression that cron refuses, or that never comes.
    """
    times = croniter(_NAMED.get(expression, expression), after)
    time = times.get_next(datetime)
    before = croniter(_NAMED.get(expression, expression), time).get_prev(datetime)
    for _ in range(count):
        yield before, time
        before, time = time, times.get_next(datetime)
