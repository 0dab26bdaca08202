"""The records of runs, which readers may see and runners never write.

- `record`: where the pins, events and graph of a run are, and how they are written;
- `index`: the runs by the day of their start, so that none has to be searched for;
- `history`: the last runs, and one node in them; `summary`: what an attempt's answers amount to;
- `removal`: old records, a few at a time;
- `pins`: what the first task of a run resolved.
"""

from __future__ import annotations

from isthmus_platform.runs.record import AttemptRecord, RunRecord
from isthmus_platform.runs.summary import Progress, summarize

__all__ = ["AttemptRecord", "Progress", "RunRecord", "summarize"]
