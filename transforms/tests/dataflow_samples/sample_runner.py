"""The real runner, except that it has the dataflows of this folder."""

from __future__ import annotations

import importlib
import sys

from isthmus_contracts.testing.sample_catalog import CATALOG
from isthmus_transforms import request_handler, runner
from isthmus_transforms.runtime import Dataflow


def load_dataflow(name: str) -> Dataflow:
    """Return the dataflow of the module of its name."""
    module = name if name == "troublesome" else CATALOG.dataflow(name).name
    found = importlib.import_module(module).dataflow
    assert isinstance(found, Dataflow)
    return found


request_handler.CATALOG, request_handler.load_dataflow = CATALOG, load_dataflow
if __name__ == "__main__":
    sys.exit(runner.main())
