"""The airlines that operate the flights."""

from __future__ import annotations

import pandas as pd


def airline_names(airlines: pd.DataFrame) -> pd.DataFrame:
    """Name of the airline, as `carrier_name`, by `carrier`."""
    return airlines[["carrier", "name"]].rename(columns={"name": "carrier_name"})
