from __future__ import annotations

from isthmus_contracts.testing.sample_catalog import CATALOG
from isthmus_platform.cli.arguments import known_dataflows


def test_the_help_lists_every_dataflow() -> None:
    assert known_dataflows().startswith("one of parcel_delays, station_days")
    assert all(dataflow.name in known_dataflows() for dataflow in CATALOG.dataflows)
