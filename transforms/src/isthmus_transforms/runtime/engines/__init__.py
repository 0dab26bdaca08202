"""Engines: where calls run.

`ENGINES` are their names, and `open_engine` opens one of them (`registry`). An `Engine` makes calls
for the loop in `execution`, which alone decides their order; `threads` and `processes` are two.
"""

from __future__ import annotations

from isthmus_transforms.runtime.engines.engine import Engine, Workload
from isthmus_transforms.runtime.engines.registry import ENGINES, available_engines, open_engine

__all__ = ["ENGINES", "Engine", "Workload", "available_engines", "open_engine"]
