"""One row per airline and day."""

from __future__ import annotations

import pandas as pd


def carrier_days(flight_features: pd.DataFrame) -> pd.DataFrame:
    """Flights that arrived, how many of them late, and their mean delay in min.

    One row per airline and day of scheduled departure, in order of `date` and `carrier`.
    """
    return flight_features.groupby(["date", "carrier"], as_index=False).agg(
        carrier_name=("carrier_name", "first"),
        flights=("is_late", "size"),
        late_share=("is_late", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
    )
