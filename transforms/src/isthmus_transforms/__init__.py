"""Dataflows of the data-science team: plain typed functions that Hamilton runs anywhere."""

from __future__ import annotations

from isthmus_transforms.hamilton_extensions import load_on_demand

load_on_demand()
