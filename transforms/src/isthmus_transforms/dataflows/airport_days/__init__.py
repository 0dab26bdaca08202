"""How each airport did on each day, from the published flight features."""

from __future__ import annotations

from isthmus_contracts.catalog import AIRPORT_DAYS
from isthmus_transforms.dataflows.airport_days import days, picture
from isthmus_transforms.runtime import Dataflow

dataflow = Dataflow(AIRPORT_DAYS, modules=(days, picture))
