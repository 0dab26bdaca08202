"""What is kept of each run: its pins, events, graph and pictures; and the spool of each try."""

from __future__ import annotations

from isthmus_platform.runs.record import RunRecord, TryRecord
from isthmus_platform.runs.summary import Progress, summarize

__all__ = ["Progress", "RunRecord", "TryRecord", "summarize"]
