"""How late flights out of New York arrive, and how well that is known before departure."""

from __future__ import annotations

from isthmus_contracts.catalog import FLIGHT_DELAYS
from isthmus_transforms.dataflows.flight_delays import (
    aircraft,
    airlines,
    card,
    congestion,
    evaluation,
    features,
    flights,
    joins,
    model,
    persistence,
    route,
    schedule,
    weather,
)
from isthmus_transforms.runtime import Dataflow

dataflow = Dataflow(
    FLIGHT_DELAYS,
    modules=(
        aircraft,
        airlines,
        card,
        congestion,
        evaluation,
        features,
        flights,
        joins,
        model,
        persistence,
        route,
        schedule,
        weather,
    ),
    checkpoints={"joined_flights": "joined_flights"},
)
