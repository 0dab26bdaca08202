"""How each airline did on each day, month by month, from the published flight features."""

from __future__ import annotations

from isthmus_contracts.catalog.flight_delays import FLIGHT_DELAYS
from isthmus_contracts.dataflows import DataflowContract
from isthmus_contracts.partitions import Partitioning
from isthmus_contracts.tables import Column, Table

CARRIER_DAYS = DataflowContract(
    name="carrier_days",
    version="1.0.0",
    owner="data-science",
    description="Sums the published flight features up by airline and day, for any months.",
    inputs=(FLIGHT_DELAYS.input("flight_features", filter_column="date"),),
    outputs=(
        Table(
            name="carrier_days",
            description="One row per airline and day on which a flight of it arrived.",
            key=("date", "carrier"),
            partitioning=Partitioning("date", granularity="month"),
            columns=(
                Column("date", "date", "Day of the scheduled departure, local time."),
                Column("carrier", "string", "Two-letter code of the airline."),
                Column("carrier_name", "string", "Name of the airline.", nullable=True),
                Column("flights", "int64", "Flights that arrived.", minimum=1),
                Column("late_share", "float64", "Share that arrived late.", minimum=0, maximum=1),
                Column("mean_arr_delay", "float64", "Mean arrival delay.", unit="min"),
            ),
        ),
    ),
)
