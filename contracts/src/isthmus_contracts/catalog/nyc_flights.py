"""Every flight out of New York in 2013, as the operations department records it."""

from __future__ import annotations

from isthmus_contracts.dataflows import Dataset
from isthmus_contracts.tables import Column, Table

FLIGHTS = Table(
    name="flights",
    description="One row per scheduled departure, whether it flew or was cancelled.",
    key=("year", "month", "day", "carrier", "flight", "origin"),
    min_rows=1,
    columns=(
        Column("year", "int64", "Year of the scheduled departure, local time.", minimum=2000),
        Column("month", "int64", "Month of the scheduled departure.", minimum=1, maximum=12),
        Column("day", "int64", "Day of the scheduled departure.", minimum=1, maximum=31),
        Column(
            "dep_time",
            "int64",
            "Actual departure, local.",
            unit="hhmm",
            nullable=True,
            minimum=0,
            maximum=2400,
        ),
        Column(
            "sched_dep_time",
            "int64",
            "Scheduled departure, local.",
            unit="hhmm",
            minimum=0,
            maximum=2359,
        ),
        Column(
            "dep_delay", "float64", "Departure delay; negative is early.", unit="min", nullable=True
        ),
        Column(
            "arr_time",
            "int64",
            "Actual arrival, local.",
            unit="hhmm",
            nullable=True,
            minimum=0,
            maximum=2400,
        ),
        Column(
            "sched_arr_time",
            "int64",
            "Scheduled arrival, local.",
            unit="hhmm",
            minimum=0,
            maximum=2400,
        ),
        Column(
            "arr_delay", "float64", "Arrival delay; negative is early.", unit="min", nullable=True
        ),
        Column("carrier", "string", "Two-letter code of the airline."),
        Column("flight", "int64", "Flight number.", minimum=1),
        Column("tailnum", "string", "Tail number of the aircraft.", nullable=True),
        Column("origin", "string", "Departure airport.", choices=("EWR", "JFK", "LGA")),
        Column("dest", "string", "FAA code of the destination airport."),
        Column("air_time", "float64", "Time in the air.", unit="min", nullable=True, minimum=0),
        Column("distance", "float64", "Distance flown.", unit="miles", minimum=0),
        Column(
            "hour", "int64", "Hour of the scheduled departure.", unit="h", minimum=0, maximum=23
        ),
        Column(
            "minute",
            "int64",
            "Minute of the scheduled departure.",
            unit="min",
            minimum=0,
            maximum=59,
        ),
        Column("time_hour", "timestamp", "Hour of the scheduled departure as an instant."),
    ),
)

WEATHER = Table(
    name="weather",
    description="One row per departure airport and hour.",
    key=("origin", "time_hour"),
    min_rows=1,
    columns=(
        Column("origin", "string", "Airport of the station.", choices=("EWR", "JFK", "LGA")),
        Column("year", "int64", "Year of the observation, local time.", minimum=2000),
        Column("month", "int64", "Month of the observation.", minimum=1, maximum=12),
        Column("day", "int64", "Day of the observation.", minimum=1, maximum=31),
        Column("hour", "int64", "Hour of the observation.", unit="h", minimum=0, maximum=23),
        Column("temp", "float64", "Air temperature.", unit="°F", nullable=True),
        Column("dewp", "float64", "Dew point.", unit="°F", nullable=True),
        Column(
            "humid",
            "float64",
            "Relative humidity.",
            unit="%",
            nullable=True,
            minimum=0,
            maximum=100,
        ),
        Column(
            "wind_dir",
            "float64",
            "Direction the wind comes from.",
            unit="°",
            nullable=True,
            minimum=0,
            maximum=360,
        ),
        Column(
            "wind_speed",
            "float64",
            "Wind speed as recorded, errors included.",
            unit="mph",
            nullable=True,
            minimum=0,
        ),
        Column(
            "wind_gust",
            "float64",
            "Gust speed; null when there was none.",
            unit="mph",
            nullable=True,
            minimum=0,
        ),
        Column(
            "precip", "float64", "Precipitation in the hour.", unit="inch", nullable=True, minimum=0
        ),
        Column(
            "pressure", "float64", "Pressure at sea level.", unit="mbar", nullable=True, minimum=0
        ),
        Column("visib", "float64", "Visibility.", unit="miles", nullable=True, minimum=0),
        Column("time_hour", "timestamp", "Hour of the observation as an instant."),
    ),
)

PLANES = Table(
    name="planes",
    description="One row per aircraft in the registry; not every aircraft that flew is there.",
    key=("tailnum",),
    min_rows=1,
    columns=(
        Column("tailnum", "string", "Tail number."),
        Column("year", "int64", "Year of manufacture.", nullable=True, minimum=1900),
        Column("type", "string", "Type of aircraft."),
        Column("manufacturer", "string", "Manufacturer."),
        Column("model", "string", "Model."),
        Column("engines", "int64", "Number of engines.", minimum=1),
        Column("seats", "int64", "Number of seats.", minimum=1),
        Column("speed", "float64", "Average cruising speed.", unit="mph", nullable=True, minimum=0),
        Column("engine", "string", "Type of engine."),
    ),
)

AIRPORTS = Table(
    name="airports",
    description="One row per airport in the United States; some destinations are missing.",
    key=("faa",),
    min_rows=1,
    columns=(
        Column("faa", "string", "FAA code."),
        Column("name", "string", "Name."),
        Column("lat", "float64", "Latitude.", unit="°", minimum=-90, maximum=90),
        Column("lon", "float64", "Longitude.", unit="°", minimum=-180, maximum=180),
        Column("alt", "int64", "Altitude.", unit="ft"),
        Column("tz", "int64", "Offset from UTC.", unit="h", minimum=-12, maximum=14),
        Column("dst", "string", "Daylight saving: A as in the US, N none, U unknown."),
        Column("tzone", "string", "IANA time zone.", nullable=True),
    ),
)

AIRLINES = Table(
    name="airlines",
    description="One row per airline.",
    key=("carrier",),
    min_rows=1,
    columns=(
        Column("carrier", "string", "Two-letter code."),
        Column("name", "string", "Name."),
    ),
)

NYC_FLIGHTS = Dataset(
    name="nyc_flights",
    description="Flights out of New York's three airports, with what explains their delays.",
    owner="operations",
    tables=(FLIGHTS, WEATHER, PLANES, AIRPORTS, AIRLINES),
)
