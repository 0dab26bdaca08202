"""An attempt after a failure reuses the checkpoints of the one before, and publishes the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import FLIGHT_DELAYS, Airflow
from invariants import lake_of, published

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.local_airflow.client import Run

CARD = "dataflows/flight_delays/evaluation.py"


def computed(airflow: Airflow, run: Run) -> set[str]:
    """Return the nodes that the last attempt of a run has computed."""
    return set(re.findall(r"(\w+) finished in", airflow.log(run, "transform")))


@pytest.mark.usefixtures("published")
def test_a_run_reuses_the_checkpoints_of_a_failed_one(
    airflow: Airflow, edited_transforms: Callable[..., tuple[str, str]]
) -> None:
    failing = edited_transforms(CARD, '"size"', "1 / 0")
    retries = ("retries = 0", "retries = 0\ncheckpoints = true")
    airflow.deploy(retries, failing)
    failed = airflow.run()
    assert failed.state == "failed"
    log = airflow.log(failed, "transform")
    assert "joined_flights saved as a checkpoint" in log
    assert "ZeroDivisionError" in log
    first = computed(airflow, failed)

    airflow.deploy(retries)
    run = airflow.run()
    assert run.state == "success", airflow.log(run, "transform")
    assert "joined_flights was reused from a checkpoint of an earlier" in airflow.log(
        run, "transform"
    )
    again = computed(airflow, run)
    assert "joined_flights" in first
    assert "joined_flights" not in again

    airflow.deploy()
    plain = airflow.run()
    assert plain.state == "success"
    assert "joined_flights" in computed(airflow, plain)
    known = published(lake_of(airflow.state), CATALOG.dataflow(FLIGHT_DELAYS))
    (resumed,), (whole,) = known.of_run(run.id), known.of_run(plain.id)
    assert known.contents[resumed] == known.contents[whole]
