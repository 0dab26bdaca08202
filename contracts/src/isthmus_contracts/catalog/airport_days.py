"""How each airport did on each day, from the published flight features."""

from __future__ import annotations

from isthmus_contracts.catalog.flight_delays import FLIGHT_DELAYS
from isthmus_contracts.dataflows import DataflowContract, File
from isthmus_contracts.tables import Column, Table

DAYS = Table(
    name="days",
    description="One row per departure airport and day on which a flight arrived.",
    key=("origin", "date"),
    min_rows=1,
    columns=(
        Column("origin", "string", "Departure airport.", choices=("EWR", "JFK", "LGA")),
        Column("date", "date", "Day of the scheduled departure, local time."),
        Column("flights", "int64", "Flights that arrived.", minimum=1),
        Column("late_share", "float64", "Share that arrived late.", minimum=0, maximum=1),
        Column("mean_arr_delay", "float64", "Mean arrival delay.", unit="min"),
        Column(
            "worst_hour",
            "int64",
            "Departure hour with the worst mean delay.",
            unit="h",
            minimum=0,
            maximum=23,
        ),
    ),
)

AIRPORT_DAYS = DataflowContract(
    name="airport_days",
    version="1.0.0",
    owner="data-science",
    description="Sums the published flight features up by airport and day, and draws the year.",
    inputs=(FLIGHT_DELAYS.input("flight_features"),),
    outputs=(
        DAYS,
        File("delay_calendar", "A heat map of the mean delay by airport and day.", ".png"),
    ),
)
