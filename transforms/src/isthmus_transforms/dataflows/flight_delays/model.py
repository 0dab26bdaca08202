"""The model of late arrival: its training data, its two kinds, and its predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hamilton.function_modifiers import config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

NAMES = ["carrier", "origin", "dest"]
CYCLES = ["day_of_week", "departure_hour"]
NUMBERS = [
    "is_holiday_period",
    "departure_minute",
    "scheduled_duration",
    "temperature",
    "humidity",
    "wind_speed",
    "wind_gust",
    "precipitation",
    "visibility",
    "pressure",
    "is_freezing",
    "aircraft_age",
    "aircraft_seats",
    "distance",
    "destination_altitude",
    "time_zones_crossed",
    "origin_departures",
    "carrier_departures",
]
"""The month is not among them: the tested months are not among those trained on."""
MOST_CATEGORIES = 250
"""Gradient boosting allows 255 categories; rarer ones share one."""

NULL = -1000.0
"""Replaces null in gradient boosting: below every value, so that one split separates it."""


def training_flights(
    flight_features: pd.DataFrame, test_from_month: int, late_after_minutes: int
) -> pd.DataFrame:
    """Features of the flights in the months before `test_from_month`, which train the model."""
    chosen = flight_features[flight_features["month"] < test_from_month]
    months = f"months before {test_from_month}"
    _check_both_outcomes(chosen, "train", months, flight_features, late_after_minutes)
    return chosen


def tested_flights(
    flight_features: pd.DataFrame, test_from_month: int, late_after_minutes: int
) -> pd.DataFrame:
    """Features of the flights in `test_from_month` and later, which the model never sees."""
    chosen = flight_features[flight_features["month"] >= test_from_month]
    months = f"months from {test_from_month}"
    _check_both_outcomes(chosen, "test", months, flight_features, late_after_minutes)
    return chosen


@config.when(model="logistic")
def untrained_model__logistic(seed: int) -> Pipeline:
    """Logistic regression; a null number counts as the mean, and as a feature of its own."""
    numbers = Pipeline(
        [
            (
                "impute",
                SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
            ),
            ("scale", StandardScaler()),
        ]
    )
    encode = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), [*NAMES, *CYCLES]),
            ("numbers", numbers, NUMBERS),
        ],
        sparse_threshold=1,
    )
    return Pipeline(
        [("encode", encode), ("classify", LogisticRegression(max_iter=1000, random_state=seed))]
    )


@config.when(model="boosting")
def untrained_model__boosting(seed: int) -> Pipeline:
    """Gradient boosting of trees, which take names and nulls as values of their own."""
    names = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_CATEGORIES
    )
    numbers = SimpleImputer(strategy="constant", fill_value=NULL, keep_empty_features=True)
    encode = ColumnTransformer(
        [("categories", names, NAMES), ("numbers", numbers, [*CYCLES, *NUMBERS])]
    )
    classify = HistGradientBoostingClassifier(
        categorical_features=list(range(len(NAMES))),
        learning_rate=0.08,
        max_iter=100,
        max_leaf_nodes=24,
        min_samples_leaf=200,
        early_stopping=False,
        random_state=seed,
    )
    return Pipeline([("encode", encode), ("classify", classify)])


def trained_model(untrained_model: Pipeline, training_flights: pd.DataFrame) -> Pipeline:
    """Model that has learnt from the training flights; it takes columns of the features."""
    model: Pipeline = clone(untrained_model)
    return model.fit(_predictors(training_flights), training_flights["is_late"])


def is_late_probability(trained_model: Pipeline, tested_flights: pd.DataFrame) -> pd.Series:
    """Probability that a tested flight arrives late, as the model predicts it, from 0 to 1."""
    return pd.Series(
        trained_model.predict_proba(_predictors(tested_flights))[:, 1],
        index=tested_flights.index,
        name="is_late_probability",
    )


def _predictors(flights: pd.DataFrame) -> pd.DataFrame:
    return flights[[*NAMES, *CYCLES, *NUMBERS]].astype(dict.fromkeys(NUMBERS, "float64"))


def _check_both_outcomes(
    chosen: pd.DataFrame,
    purpose: str,
    months: str,
    flights: pd.DataFrame,
    late_after_minutes: int,
) -> None:
    if chosen.empty:
        present = ", ".join(str(month) for month in sorted(flights["month"].unique()))
        raise ValueError(
            f"no flight to {purpose} on: of {len(flights)} flights that arrived, 0 are in the "
            f"{months}; the data has month {present}: choose another test_from_month"
        )
    late = int(chosen["is_late"].sum())
    if late in (0, len(chosen)):
        raise ValueError(
            f"only one outcome to {purpose} on: of {len(chosen)} flights in the {months}, {late} "
            f"arrived {late_after_minutes} min late or more, and both late and other flights are "
            "needed: choose another late_after_minutes or test_from_month"
        )
