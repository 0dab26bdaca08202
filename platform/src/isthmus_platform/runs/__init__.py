"""The record of each run: pins, events and graph; and the staging directory of each attempt."""

from __future__ import annotations

from isthmus_platform.runs.record import AttemptRecord, RunRecord
from isthmus_platform.runs.summary import Progress, summarize

__all__ = ["AttemptRecord", "Progress", "RunRecord", "summarize"]
