"""The contract of the fifty functions, which is put into a copy of the catalog."""

from __future__ import annotations

from isthmus_contracts.catalog.nyc_flights import NYC_FLIGHTS
from isthmus_contracts.dataflows import DataflowContract
from isthmus_contracts.tables import Column, Table

_WHOLE = (
    *("day_of_week", "day_of_year", "week", "quarter"),
    *("departure_minute", "arrival_minute", "departure_hour", "arrival_hour"),
    *("scheduled_minutes", "part_of_day"),
    *("flights_of_day", "flights_of_hour", "flights_of_carrier", "flights_of_route"),
)
_YES_OR_NO = (
    *("is_weekend", "is_night", "is_rush", "is_long", "is_late", "is_very_late", "is_early"),
    *("left_late", "recovered", "is_rare_route", "is_crowded"),
)
_NUMBERS = (
    *("kilometres", "log_distance", "speed", "slack", "slack_share"),
    *("departure_delay", "arrival_delay", "made_up", "made_up_per_hour"),
    *("clipped_delay", "delay_rank", "share_of_carrier"),
    *("carrier_delay", "route_delay", "hour_delay", "weekday_delay"),
    *("over_carrier", "over_route", "over_hour", "over_weekday", "expected_delay", "surprise"),
)

FLIGHT_FACTS = DataflowContract(
    name="flight_facts",
    version="1.0.0",
    owner="benchmarks",
    description="Computes a column of facts about the flights with each of fifty functions.",
    inputs=(NYC_FLIGHTS.input("flights"),),
    params=(),
    outputs=(
        Table(
            name="flight_facts",
            description="One row per flight that arrived.",
            key=("date", "carrier", "flight", "origin"),
            min_rows=1,
            columns=(
                Column("date", "date", "Day of the scheduled departure."),
                Column("carrier", "string", "Two-letter code of the airline."),
                Column("flight", "int64", "Flight number."),
                Column("origin", "string", "Departure airport."),
                *(Column(name, "int64", "Whole number.") for name in _WHOLE),
                *(Column(name, "bool", "Yes or no.") for name in _YES_OR_NO),
                *(Column(name, "float64", "Number.") for name in _NUMBERS),
            ),
        ),
    ),
)
