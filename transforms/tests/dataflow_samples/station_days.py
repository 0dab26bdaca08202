"""The sample catalog's `station_days`."""

from __future__ import annotations

import sys

import pandas as pd

from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_transforms.runtime import Dataflow


def days(parcel_features: pd.DataFrame) -> pd.DataFrame:
    """Sum up by depot and day."""
    summed = parcel_features.groupby(["origin", "date"], as_index=False).agg(
        parcels=("parcel", "size"),
        late_share=("is_weekend", "mean"),
        mean_arr_delay=("wind_speed", "mean"),
    )
    return summed.assign(worst_hour=0)


def delay_calendar(days: pd.DataFrame) -> bytes:
    """Draw nothing."""
    return f"{len(days)} days".encode()


dataflow = Dataflow(STATION_DAYS, modules=(sys.modules[__name__],))
