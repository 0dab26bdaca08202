from __future__ import annotations

import pandas as pd

from isthmus_contracts.catalog import AIRPORT_DAYS
from isthmus_transforms.dataflows.airport_days import dataflow


def test_the_outputs_satisfy_the_contract(features: pd.DataFrame) -> None:
    made = dataflow.compute(["days", "delay_calendar"], {"flight_features": features})
    assert list(made["days"]) == [column.name for column in AIRPORT_DAYS.output("days").columns]
    assert not made["days"].duplicated(["origin", "date"]).any()
    assert made["delay_calendar"].startswith(b"\x89PNG")
