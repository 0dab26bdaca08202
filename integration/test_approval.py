"""A person's approval, asked for by a real Airflow and answered through its REST API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import FLIGHT_DELAYS, Airflow, eventually

from isthmus_platform.local_airflow.client import Run
from isthmus_platform.local_airflow.settings import PASSWORD, USER

WANTED = ('engine = "sequential"', 'engine = "sequential"\napproval = true')
SECONDS_TO_READ = 4
DONE = {"ingest": "success", "transform": "success", "approve": "success", "publish": "success"}


@pytest.fixture(autouse=True)
def deployed() -> None:
    """Replace the fixture of conftest, so that Airflow reads no other file between two tests."""


@pytest.fixture(scope="module")
def line(airflow: Airflow, published: Run) -> Iterator[None]:  # noqa: ARG001 - it comes first
    """Have Airflow read the deployment that wants approval, and the usual one in the end."""
    airflow.deploy(WANTED)
    reread(airflow, tasks=4)
    yield
    airflow.deploy()
    reread(airflow, tasks=3)


def reread(airflow: Airflow, tasks: int) -> None:
    dag = airflow.client.dag(FLIGHT_DELAYS)
    assert dag is not None
    if length(airflow) != tasks:
        airflow.client.reparse(dag)
        assert eventually(lambda: length(airflow) == tasks, airflow.up.check)


def length(airflow: Airflow) -> int:
    count: int = ask(airflow, "GET", "/tasks")["total_entries"]
    return count


def ask(airflow: Airflow, method: str, place: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Ask Airflow's API about the dataflow."""
    with httpx.Client(base_url=airflow.up.url, timeout=60, trust_env=False) as http:
        login = http.post("/auth/token", json={"username": USER, "password": PASSWORD})
        token = login.json()["access_token"]
        path = f"/api/v2/dags/{FLIGHT_DELAYS}{place}"
        answer = http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text
        return answer.json()


def request_of(run_id: str) -> str:
    """Return the path of the request in Airflow's API."""
    return f"/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"


def waiting(airflow: Airflow) -> str:
    """Start a run, and return its id once a person is asked."""
    run_id = airflow.client.trigger(FLIGHT_DELAYS)
    wait(airflow, run_id)
    return run_id


def wait(airflow: Airflow, run_id: str) -> None:
    def waits() -> bool:
        states = {task.id: task.state for task in airflow.client.tasks(FLIGHT_DELAYS, run_id)}
        return states.get("approve") == "awaiting_input"

    assert eventually(waits, airflow.up.check), airflow.client.tasks(FLIGHT_DELAYS, run_id)


def answered(airflow: Airflow, run_id: str, option: str) -> Run:
    """Answer the request as fast as a person could, and return the run when it has ended."""
    # Airflow 3.3.2 takes an answer within the first second for a failure of the task: its scheduler
    # finds the task queued again before the end of the asking process is reported.
    time.sleep(SECONDS_TO_READ)
    ask(airflow, "PATCH", request_of(run_id), {"chosen_options": [option], "params_input": {}})
    assert eventually(lambda: airflow.client.run(FLIGHT_DELAYS, run_id).finished, airflow.up.check)
    return airflow.client.run(FLIGHT_DELAYS, run_id)


@pytest.mark.usefixtures("line")
def test_nothing_is_published_before_a_person_approves(airflow: Airflow) -> None:
    before = airflow.current()
    run_id = waiting(airflow)
    assert airflow.current() == before
    shown = ask(airflow, "GET", request_of(run_id))
    assert shown["options"] == ["Approve", "Reject"]
    assert f"Compared with the current release {before}" in shown["body"]
    assert "| flight\\_features |" in shown["body"]
    run = answered(airflow, run_id, "Approve")
    assert airflow.states(run) == DONE, airflow.log(run, "publish")
    assert airflow.current() != before


@pytest.mark.usefixtures("line")
def test_a_rejection_publishes_nothing_and_can_be_reconsidered(airflow: Airflow) -> None:
    before = airflow.current()
    run = answered(airflow, waiting(airflow), "Reject")
    assert run.state == "failed"
    assert airflow.states(run) == {**DONE, "approve": "failed", "publish": "upstream_failed"}
    assert f"rejected by {USER}; nothing is published" in airflow.log(run, "approve")
    assert airflow.current() == before
    airflow.client.clear(FLIGHT_DELAYS, run.id, ["approve"])
    wait(airflow, run.id)
    again = answered(airflow, run.id, "Approve")
    assert airflow.states(again) == DONE
    assert airflow.current() != before


@pytest.mark.usefixtures("line")
def test_an_approval_is_for_the_release_that_was_shown(airflow: Airflow) -> None:
    first, second = waiting(airflow), waiting(airflow)
    run = answered(airflow, second, "Approve")
    assert airflow.states(run) == DONE, airflow.log(run, "approve")
    now = airflow.current()
    run = answered(airflow, first, "Approve")
    assert airflow.states(run) == {**DONE, "publish": "failed"}
    assert "clear 'approve' to ask again" in airflow.log(run, "publish")
    assert airflow.current() == now
