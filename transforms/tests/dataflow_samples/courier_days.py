"""The sample catalog's `courier_days`."""

from __future__ import annotations

import sys

import pandas as pd

from isthmus_contracts.testing.sample_catalog import COURIER_DAYS
from isthmus_transforms.runtime import Dataflow


def courier_days(parcel_features: pd.DataFrame) -> pd.DataFrame:
    """Sum up by courier and day."""
    keys = ["date", "carrier", "carrier_name"]
    return parcel_features.groupby(keys, as_index=False, dropna=False).agg(
        parcels=("parcel", "size"),
        late_share=("is_weekend", "mean"),
        mean_arr_delay=("wind_speed", "mean"),
    )


dataflow = Dataflow(COURIER_DAYS, modules=(sys.modules[__name__],))
