"""On what functions run: `ENGINES` by name, and opening one of them."""

from __future__ import annotations

from isthmus_transforms.runtime.engines.engine import Engine, Workload
from isthmus_transforms.runtime.engines.registry import ENGINES, available_engines, open_engine

__all__ = ["ENGINES", "Engine", "Workload", "available_engines", "open_engine"]
