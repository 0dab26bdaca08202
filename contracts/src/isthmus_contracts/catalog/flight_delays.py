"""How late flights out of New York arrive, and how well that is known before departure."""

from __future__ import annotations

from isthmus_contracts.catalog.nyc_flights import NYC_FLIGHTS
from isthmus_contracts.dataflows import Checkpoint, DataflowContract, File, Metric, Metrics
from isthmus_contracts.params import Param
from isthmus_contracts.tables import Column, Table

FLIGHT_FEATURES = Table(
    name="flight_features",
    description=(
        "One row per flight that arrived. Everything but the outcome (`arr_delay`, `is_late`) "
        "was known before departure."
    ),
    key=("date", "carrier", "flight", "origin"),
    min_rows=1,
    columns=(
        Column("date", "date", "Day of the scheduled departure, local time."),
        Column("carrier", "string", "Two-letter code of the airline."),
        Column("carrier_name", "string", "Name of the airline.", nullable=True),
        Column("flight", "int64", "Flight number.", minimum=1),
        Column("tailnum", "string", "Tail number of the aircraft.", nullable=True),
        Column("origin", "string", "Departure airport.", choices=("EWR", "JFK", "LGA")),
        Column("dest", "string", "FAA code of the destination airport."),
        Column("month", "int64", "Month of the scheduled departure.", minimum=1, maximum=12),
        Column("day_of_week", "int64", "Day of the week, Monday is 0.", minimum=0, maximum=6),
        Column("is_weekend", "bool", "Whether the day is a Saturday or a Sunday."),
        Column("is_holiday_period", "bool", "Whether a US federal holiday is within two days."),
        Column(
            "departure_hour",
            "int64",
            "Scheduled hour of departure.",
            unit="h",
            minimum=0,
            maximum=23,
        ),
        Column(
            "departure_minute",
            "float64",
            "Minutes since midnight.",
            unit="min",
            minimum=0,
            maximum=1439,
        ),
        Column(
            "scheduled_duration", "float64", "Scheduled gate to gate, local clocks.", unit="min"
        ),
        Column(
            "temperature", "float64", "Temperature at departure hour.", unit="°C", nullable=True
        ),
        Column(
            "humidity",
            "float64",
            "Relative humidity at departure hour.",
            unit="%",
            nullable=True,
            minimum=0,
            maximum=100,
        ),
        Column(
            "wind_speed",
            "float64",
            "Wind at departure hour.",
            unit="km/h",
            nullable=True,
            minimum=0,
            maximum=250,
        ),
        Column(
            "wind_gust",
            "float64",
            "Gusts at departure hour; 0 is none.",
            unit="km/h",
            nullable=True,
            minimum=0,
        ),
        Column(
            "precipitation",
            "float64",
            "Precipitation in departure hour.",
            unit="mm",
            nullable=True,
            minimum=0,
        ),
        Column(
            "visibility",
            "float64",
            "Visibility at departure hour.",
            unit="km",
            nullable=True,
            minimum=0,
        ),
        Column(
            "pressure",
            "float64",
            "Pressure at departure hour.",
            unit="mbar",
            nullable=True,
            minimum=0,
        ),
        Column("is_freezing", "bool", "Whether departure hour is known to be below 0 °C."),
        Column(
            "aircraft_age",
            "float64",
            "Age of the aircraft.",
            unit="years",
            nullable=True,
            minimum=0,
        ),
        Column("aircraft_seats", "float64", "Seats of the aircraft.", nullable=True, minimum=1),
        Column("distance", "float64", "Distance of the route.", unit="km", minimum=0),
        Column(
            "destination_altitude",
            "float64",
            "Altitude of the destination.",
            unit="m",
            nullable=True,
        ),
        Column(
            "time_zones_crossed",
            "float64",
            "Hours by which the destination's clock is ahead, in standard time.",
            unit="h",
            nullable=True,
            minimum=-26,
            maximum=26,
        ),
        Column("origin_departures", "int64", "Departures scheduled in the hour.", minimum=1),
        Column("carrier_departures", "int64", "Of these, the airline's own.", minimum=1),
        Column(
            "arr_delay", "float64", "Arrival delay, the outcome; negative is early.", unit="min"
        ),
        Column("is_late", "bool", "Whether it arrived `late_after_minutes` late or more."),
    ),
)

CARRIER_SCORES = Table(
    name="carrier_scores",
    description="One row per airline, over the months that the model was tested on.",
    key=("carrier",),
    min_rows=1,
    columns=(
        Column("carrier", "string", "Two-letter code of the airline."),
        Column("carrier_name", "string", "Name of the airline.", nullable=True),
        Column("flights", "int64", "Flights that arrived.", minimum=1),
        Column("late_share", "float64", "Share that arrived late.", minimum=0, maximum=1),
        Column("expected_late_share", "float64", "Share the model expected.", minimum=0, maximum=1),
        Column("mean_arr_delay", "float64", "Mean arrival delay.", unit="min"),
    ),
)

DELAY_METRICS = Metrics(
    name="delay_metrics",
    description="How good the model is on the months it has not seen.",
    metrics=(
        Metric("roc_auc", "Area under the ROC curve; 0.5 is guessing.", minimum=0, maximum=1),
        Metric(
            "brier_score",
            "Mean squared error of the probability; less is better.",
            minimum=0,
            maximum=1,
        ),
        Metric("base_rate", "Share of the tested flights that arrived late.", minimum=0, maximum=1),
        Metric("rows_trained", "Flights the model was trained on.", minimum=1),
        Metric("rows_tested", "Flights the model was tested on.", minimum=1),
    ),
)

FLIGHT_DELAYS = DataflowContract(
    name="flight_delays",
    version="1.0.0",
    owner="data-science",
    description=(
        "Joins the flights out of New York with weather, aircraft and airports, trains a model of "
        "late arrival on the early months and tests it on the later ones."
    ),
    inputs=tuple(NYC_FLIGHTS.input(table.name) for table in NYC_FLIGHTS.tables),
    params=(
        Param(
            "origin",
            "string",
            "all",
            "Departure airport; all takes the three together.",
            choices=("EWR", "JFK", "LGA", "all"),
        ),
        Param(
            "late_after_minutes",
            "integer",
            15,
            "A flight is late if it arrives at least this many minutes after schedule.",
            minimum=1,
            maximum=240,
        ),
        Param(
            "model",
            "string",
            "logistic",
            "Kind of model: logistic regression or gradient boosting.",
            choices=("logistic", "boosting"),
        ),
        Param(
            "test_from_month",
            "integer",
            10,
            "First month to test on; the months before it train the model.",
            minimum=2,
            maximum=12,
        ),
        Param("seed", "integer", 2013, "Seed of everything random.", minimum=0, maximum=2**31 - 1),
    ),
    outputs=(
        FLIGHT_FEATURES,
        CARRIER_SCORES,
        File("delay_model", "The trained model, to be read with skops.", ".skops"),
        File("model_card", "What the model can do, with a calibration and an ROC plot.", ".html"),
        DELAY_METRICS,
    ),
    checkpoints=(
        Checkpoint("joined_flights", "Flights with weather, aircraft and airports beside them."),
    ),
)
