"""The real runner, except that it has the dataflows of this folder."""

from __future__ import annotations

import sys

from isthmus_contracts.testing.sample_catalog import CATALOG, COURIER_DAYS, STATION_DAYS
from isthmus_transforms import request_handler, runner
from isthmus_transforms.runtime import Dataflow


def load_dataflow(name: str) -> Dataflow:
    """Return a dataflow of this folder, which is imported only now."""
    contract = None if name == "troublesome" else CATALOG.dataflow(name)
    if contract is None:
        from troublesome import dataflow  # noqa: PLC0415 - as above
    elif contract is STATION_DAYS:
        from station_days import dataflow  # noqa: PLC0415 - as above
    elif contract is COURIER_DAYS:
        from courier_days import dataflow  # noqa: PLC0415 - as above
    else:
        raise LookupError(f"{name} has no functions here")
    return dataflow


request_handler.CATALOG, request_handler.load_dataflow = CATALOG, load_dataflow
if __name__ == "__main__":
    sys.exit(runner.main())
