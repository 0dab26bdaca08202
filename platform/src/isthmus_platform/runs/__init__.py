"""What is kept of each run: its pins, events, graph and pictures; and the staging directory of each attempt."""

from __future__ import annotations

from isthmus_platform.runs.record import RunRecord, AttemptRecord
from isthmus_platform.runs.summary import Progress, summarize

__all__ = ["Progress", "RunRecord", "AttemptRecord", "summarize"]
