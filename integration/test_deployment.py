"""What is deployed shows in Airflow; what dataflows compute inside does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from conftest import FLIGHT_DELAYS, Airflow, eventually

from isthmus_platform.local_airflow.client import Run


def reparse(airflow: Airflow) -> None:
    """Have the DAG file read again now."""
    dag = airflow.client.dag("airport_days.v1")
    assert dag is not None
    airflow.client.reparse(dag)


def versions_now(airflow: Airflow) -> list[int]:
    """Return the versions of the DAG after its file was read again."""
    reparse(airflow)
    time.sleep(5)
    return airflow.client.versions(FLIGHT_DELAYS)


@pytest.mark.usefixtures("published")
def test_a_mistake_in_one_dataflows_part_is_shown_and_spares_the_others(airflow: Airflow) -> None:
    airflow.deploy(("[defaults]", f'[dataflows."{FLIGHT_DELAYS}"]\nretires = 3\n\n[defaults]'))

    def title(dag: str = FLIGHT_DELAYS) -> str:
        found = airflow.client.dag(dag)
        return found.title if found else ""

    assert eventually(lambda: "cannot run" in title(), lambda: reparse(airflow)), title()
    assert "unknown field 'retires'; did you mean 'retries'?" in title()
    assert title("airport_days.v1") == "airport_days.v1"
    assert airflow.client.import_errors() == []
    run = airflow.run(FLIGHT_DELAYS)
    assert run.state == "failed"
    assert "unknown field 'retires'" in airflow.log(run, "invalid-deployment")

    airflow.deploy()
    assert eventually(lambda: title() == FLIGHT_DELAYS, lambda: reparse(airflow))


def test_a_changed_function_and_another_model_leave_the_dag_as_it_is(
    airflow: Airflow, published: Run, edited_transforms: Callable[..., tuple[str, str]]
) -> None:
    before = airflow.current()
    versions = versions_now(airflow)
    airflow.deploy(edited_transforms("dataflows/flight_delays/evaluation.py", '"size"', '"count"'))
    run = airflow.run(params={"model": "boosting"})
    assert run.state == "success", airflow.log(run, "transform")
    assert versions_now(airflow) == versions
    assert airflow.current() != before
    assert published.id != run.id
