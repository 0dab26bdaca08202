"""Two pipelines over a year of flights, each of twenty functions that take about as long.

In one, functions are independent of each other, as features are; in the other, each takes the frame
of the one before it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hamilton.function_modifiers import group, inject, parameterize, source, value

KEYS = ("carrier", "aircraft", "origin", "dest", "route", "hour", "week", "weekday", "month")
MEASURES = ("dep_delay", "arr_delay", "air_time", "distance", "taxi_out", "seats")
FEATURES = tuple((key, measure) for measure in MEASURES[:2] for key in KEYS)
WINDOWS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
STEPS = 20


def legs_of_year(rows: int) -> pd.DataFrame:
    """Return made-up flights: what each was, and what was measured of it."""
    random = np.random.default_rng(2013)
    frame = pd.DataFrame(
        {
            "carrier": random.integers(0, 16, rows),
            "aircraft": random.integers(0, 500, rows),
            "origin": random.integers(0, 3, rows),
            "dest": random.integers(0, 105, rows),
            "hour": random.integers(5, 24, rows),
            "day": np.sort(random.integers(0, 365, rows)),
            **{measure: random.normal(10, 40, rows) for measure in MEASURES},
        }
    )
    for name, part in (("week", frame["day"] // 7), ("month", frame["day"] // 31)):
        frame[name] = part
    frame["weekday"] = frame["day"] % 7
    frame["route"] = frame["origin"] * 200 + frame["dest"]
    return frame


@parameterize(
    **{
        f"{measure}_by_{key}": {"key": value(key), "measure": value(measure)}
        for key, measure in FEATURES
    }
)
def habit(legs: pd.DataFrame, key: str, measure: str) -> pd.DataFrame:
    """How late the worst of the same key were, over the last flights, and how late this is."""
    grouped = legs.groupby(key, sort=False)[measure]
    worst = [grouped.rolling(flights, min_periods=1).quantile(0.9) for flights in WINDOWS]
    lately = pd.concat(worst, axis="columns").mean(axis="columns").reset_index(level=0, drop=True)
    return pd.DataFrame(
        {
            f"{measure}_{key}_lately": lately.sort_index(),
            f"{measure}_{key}_rank": grouped.rank(pct=True),
        }
    )


@inject(habits=group(*(source(f"{measure}_by_{key}") for key, measure in FEATURES)))
def features(habits: list[pd.DataFrame]) -> pd.DataFrame:
    """All of them side by side."""
    return pd.concat(habits, axis="columns").fillna(0.0)


def weights(features: pd.DataFrame, legs: pd.DataFrame) -> pd.Series:
    """How much each of them has to do with a late arrival."""
    late = (legs["arr_delay"] > 15).astype(float)
    return features.filter(like="_rank").corrwith(late)


@parameterize(
    **{
        f"step_{number}": {
            "before": source(f"step_{number - 1}" if number else "legs"),
            "key": value(KEYS[number % len(KEYS)]),
        }
        for number in range(STEPS)
    }
)
def cleaned(before: pd.DataFrame, key: str) -> pd.DataFrame:
    """Each measure against what is usual for the key, without what is far out, and its rank."""
    made = before
    for by in ([key], [key, "hour"]):
        known = made[list(MEASURES)]
        grouped = known.groupby([made[column] for column in by], sort=False)
        low, high = (grouped.transform("quantile", share) for share in (0.01, 0.99))
        scaled = known.clip(low, high) - grouped.transform("median")
        made = made.assign(**(scaled / grouped.transform("std") + grouped.rank(pct=True)))
    return made
