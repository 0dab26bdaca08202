"""The dataflows that tests are made of, so that tests name no dataflow that somebody owns.

They declare one of everything: tables, files, metrics, params, a checkpoint, a dataflow that reads
another one, and a dataflow with partitions.
"""

from __future__ import annotations

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import (
    Checkpoint,
    DataflowContract,
    Dataset,
    File,
    Metric,
    Metrics,
)
from isthmus_contracts.params import Param
from isthmus_contracts.partitions import Partitioning
from isthmus_contracts.tables import Column, Table

_OWNER = "data-science"
_DATE = Column("date", "date", "Day on which it is due.")
_ORIGIN = Column("origin", "string", "Depot that sends it.", choices=("EWR", "JFK", "LGA"))
_CARRIER = Column("carrier", "string", "Two-letter code of the courier.")
_CARRIER_NAME = Column("carrier_name", "string", "Name of the courier.", nullable=True)
_PARCELS = Column("parcels", "int64", "Parcels that arrived.", minimum=1)
_LATE_SHARE = Column("late_share", "float64", "Share that was late.", minimum=0, maximum=1)
_MEAN_DELAY = Column("mean_arr_delay", "float64", "Mean delay.", unit="min")

PARCEL_FIRM = Dataset(
    name="parcel_firm",
    description="What a parcel firm records.",
    owner="operations",
    tables=(
        Table(
            "parcels",
            "One row per parcel.",
            (_DATE, _CARRIER, Column("parcel", "int64", "Number.", minimum=1), _ORIGIN),
            key=("date", "carrier", "parcel", "origin"),
            min_rows=1,
        ),
        Table(
            "weather",
            "One row per depot and hour.",
            (
                _ORIGIN,
                Column("time_hour", "timestamp", "Hour of the observation."),
                Column("temp", "float64", "Air temperature.", unit="°F", nullable=True),
                Column("humid", "float64", "Humidity.", unit="%", nullable=True, maximum=100),
            ),
            key=("origin", "time_hour"),
            min_rows=1,
        ),
        Table(
            "trucks",
            "One row per truck.",
            (
                Column("tailnum", "string", "Number plate."),
                Column("seats", "int64", "Seats.", minimum=1),
            ),
            key=("tailnum",),
            min_rows=1,
        ),
    ),
)

PARCEL_DELAYS = DataflowContract(
    name="parcel_delays",
    version="1.0.0",
    owner=_OWNER,
    description="Joins parcels with weather and trucks, and trains a model of late arrival.",
    inputs=tuple(PARCEL_FIRM.input(table.name) for table in PARCEL_FIRM.tables),
    params=(
        Param("origin", "string", "all", "Depot.", choices=("EWR", "JFK", "LGA", "all")),
        Param("late_after_minutes", "integer", 15, "From when on.", minimum=1, maximum=240),
        Param("model", "string", "logistic", "Kind.", choices=("logistic", "boosting")),
        Param("test_from_month", "integer", 10, "First month to test on.", minimum=2, maximum=12),
        Param("seed", "integer", 2013, "Of everything random.", minimum=0, maximum=2**31 - 1),
    ),
    outputs=(
        Table(
            "parcel_features",
            "One row per parcel that arrived.",
            (
                _DATE,
                _CARRIER,
                _CARRIER_NAME,
                Column("parcel", "int64", "Number.", minimum=1),
                _ORIGIN,
                Column("is_weekend", "bool", "Whether the day is a Saturday or a Sunday."),
                Column("humidity", "float64", "Humidity.", unit="%", nullable=True, maximum=100),
                Column(
                    *("wind_speed", "float64", "Wind."),
                    unit="km/h",
                    nullable=True,
                    minimum=0,
                    maximum=250,
                ),
            ),
            key=("date", "carrier", "parcel", "origin"),
            min_rows=1,
        ),
        Table(
            "courier_scores",
            "One row per courier.",
            (_CARRIER, _CARRIER_NAME, _PARCELS, _LATE_SHARE),
            key=("carrier",),
            min_rows=1,
        ),
        File("delay_model", "The trained model.", ".skops"),
        File("model_card", "What the model can do.", ".html"),
        Metrics(
            "delay_metrics",
            "How good the model is.",
            (
                Metric("roc_auc", "Area under the ROC curve.", minimum=0, maximum=1),
                Metric("rows_tested", "Parcels that it was tested on.", minimum=1),
            ),
        ),
    ),
    checkpoints=(Checkpoint("joined_parcels", "Parcels with weather and trucks beside them."),),
)

STATION_DAYS = DataflowContract(
    name="station_days",
    version="1.0.0",
    owner=_OWNER,
    description="Sums parcels up by depot and day, and draws the year.",
    inputs=(PARCEL_DELAYS.input("parcel_features"),),
    outputs=(
        Table(
            "days",
            "One row per depot and day.",
            (
                _ORIGIN,
                _DATE,
                _PARCELS,
                _LATE_SHARE,
                _MEAN_DELAY,
                Column("worst_hour", "int64", "The worst hour.", unit="h", minimum=0, maximum=23),
            ),
            key=("origin", "date"),
            min_rows=1,
        ),
        File("delay_calendar", "A heat map by depot and day.", ".png"),
    ),
)

COURIER_DAYS = DataflowContract(
    name="courier_days",
    version="1.0.0",
    owner=_OWNER,
    description="Sums parcels up by courier and day, for any months.",
    inputs=(PARCEL_DELAYS.input("parcel_features", filter_column="date"),),
    outputs=(
        Table(
            "courier_days",
            "One row per courier and day.",
            (_DATE, _CARRIER, _CARRIER_NAME, _PARCELS, _LATE_SHARE, _MEAN_DELAY),
            key=("date", "carrier"),
            partitioning=Partitioning("date", granularity="month"),
        ),
    ),
)

CATALOG = Catalog((PARCEL_FIRM,), (PARCEL_DELAYS, STATION_DAYS, COURIER_DAYS))
