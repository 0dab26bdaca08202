"""The one place that knows Hamilton's driver: a dataflow's declaration, and running it."""

from __future__ import annotations

from isthmus_transforms.runtime.checkpoints import register as register_codec
from isthmus_transforms.runtime.dataflow import Dataflow

__all__ = ["Dataflow", "register_codec"]
