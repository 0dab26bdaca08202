"""The time as the lake knows it: a lake is opened with a clock, by default the real one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Return the time now, with its time zone."""


def utc_now() -> datetime:
    """Return the time of this host, in UTC."""
    return datetime.now(UTC)
