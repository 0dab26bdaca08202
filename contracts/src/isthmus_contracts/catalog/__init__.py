"""The catalog: every dataflow and dataset that the two teams have agreed on."""

from __future__ import annotations

from isthmus_contracts.catalog._catalog import Catalog
from isthmus_contracts.catalog.airport_days import AIRPORT_DAYS
from isthmus_contracts.catalog.carrier_days import CARRIER_DAYS
from isthmus_contracts.catalog.flight_delays import FLIGHT_DELAYS
from isthmus_contracts.catalog.nyc_flights import NYC_FLIGHTS

CATALOG = Catalog(
    datasets=(NYC_FLIGHTS,),
    dataflows=(
        FLIGHT_DELAYS,
        AIRPORT_DAYS,
        CARRIER_DAYS,
    ),
)

__all__ = ["AIRPORT_DAYS", "CARRIER_DAYS", "CATALOG", "FLIGHT_DELAYS", "NYC_FLIGHTS", "Catalog"]
