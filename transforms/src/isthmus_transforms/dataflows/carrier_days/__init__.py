"""How each airline did on each day, from the published flight features."""

from __future__ import annotations

from isthmus_contracts.catalog import CARRIER_DAYS
from isthmus_transforms.dataflows.carrier_days import days
from isthmus_transforms.runtime import Dataflow

dataflow = Dataflow(CARRIER_DAYS, modules=(days,))
