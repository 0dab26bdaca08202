from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus_contracts import DataflowContract
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.publication import publish


@pytest.fixture
def published(
    accepted: Callable[..., Accepted], lake: Lake, dataflow: DataflowContract
) -> Callable[..., Release]:
    """Stage a run, accept it and publish it."""

    def make(run: str = "first", **changes: object) -> Release:
        return publish(lake, dataflow, accepted(run, **changes), params={}, inputs={})

    return make
