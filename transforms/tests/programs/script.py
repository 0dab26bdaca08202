"""Compute flight_delays.v1 without Airflow and without Isthmus.

`python script.py INPUTS OUT` reads `INPUTS/<table>.parquet`, runs Hamilton's default driver and
writes the outputs into OUT. The dataflow's folder is on PYTHONPATH: its modules are imported as
they are, and their package, which would import our runtime, is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aircraft
import airlines
import card
import congestion
import evaluation
import features
import flights
import joins
import model
import pandas as pd
import persistence
import route
import schedule
import weather
from hamilton import base, driver

MODULES = (
    *(aircraft, airlines, card, congestion, evaluation, features, flights, joins, model),
    *(persistence, route, schedule, weather),
)
TABLES = ("flights", "weather", "planes", "airports", "airlines")
PARAMS = {
    "origin": "all",
    "late_after_minutes": 15,
    "model": "logistic",
    "test_from_month": 10,
    "seed": 2013,
}


def main(inputs: Path, out: Path) -> None:
    """Read, compute, write."""
    frames = {name: pd.read_parquet(inputs / f"{name}.parquet") for name in TABLES}
    builder = driver.Builder().with_modules(*MODULES).with_config(PARAMS)
    outputs = ("flight_features", "carrier_scores", "delay_model", "model_card", "delay_metrics")
    made = builder.with_adapters(base.DictResult()).build().execute(outputs, inputs=frames)
    for name in ("flight_features", "carrier_scores"):
        made[name].to_parquet(out / f"{name}.parquet", index=False)
    (out / "delay_model.skops").write_bytes(made["delay_model"])
    (out / "model_card.html").write_bytes(made["model_card"])
    (out / "delay_metrics.json").write_text(json.dumps(made["delay_metrics"]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
