"""How good the model is on the flights that it has not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

GROUPS = 10


def delay_metrics(
    training_flights: pd.DataFrame, tested_flights: pd.DataFrame, is_late_probability: pd.Series
) -> dict[str, float]:
    """Measures of the model, as numbers by name."""
    is_late = tested_flights["is_late"].astype("float64")
    return {
        "roc_auc": float(roc_auc_score(is_late, is_late_probability)),
        "brier_score": float(((is_late_probability - is_late) ** 2).mean()),
        "base_rate": float(is_late.mean()),
        "rows_trained": float(len(training_flights)),
        "rows_tested": float(len(tested_flights)),
    }


def carrier_scores(tested_flights: pd.DataFrame, is_late_probability: pd.Series) -> pd.DataFrame:
    """Airlines over the tested months: how late they were, and how late the model expected.

    One row per airline, in order of `carrier`; the delay is in min.
    """
    flights = tested_flights.assign(expected=is_late_probability)
    return flights.groupby("carrier", as_index=False).agg(
        carrier_name=("carrier_name", "first"),
        flights=("is_late", "size"),
        late_share=("is_late", "mean"),
        expected_late_share=("expected", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
    )


def calibration(tested_flights: pd.DataFrame, is_late_probability: pd.Series) -> pd.DataFrame:
    """Share of late flights, expected and observed, in ten groups of flights of equal size.

    The groups go from the flights least likely to be late to the most likely.
    """
    by_probability = is_late_probability.sort_values(kind="stable")
    rank = np.arange(len(by_probability))
    group = pd.Series(rank * GROUPS // len(rank), index=by_probability.index)
    flights = pd.DataFrame({"expected": by_probability, "observed": tested_flights["is_late"]})
    return flights.groupby(group).mean()


def roc_curve(tested_flights: pd.DataFrame, is_late_probability: pd.Series) -> pd.DataFrame:
    """Share of late flights found, against the share of other flights suspected, by threshold."""
    suspected, found, threshold = sklearn_roc_curve(tested_flights["is_late"], is_late_probability)
    return pd.DataFrame({"suspected": suspected, "found": found, "threshold": threshold})
