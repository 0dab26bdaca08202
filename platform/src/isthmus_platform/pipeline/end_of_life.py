"""The last day of a deprecated dataflow, after which neither its DAG nor a late run goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime

from isthmus_contracts import DataflowContract
from isthmus_platform.errors import EndOfLifeError


def check_not_end_of_life(dataflow: DataflowContract, today: date | None = None) -> None:
    """Raise `EndOfLifeError` if the last day has passed; `today` is by default the day in UTC."""
    last = dataflow.deprecation
    if last and (today or datetime.now(UTC).date()) > last.until:
        raise EndOfLifeError(str(dataflow.identity), last.until, last.replacement)
