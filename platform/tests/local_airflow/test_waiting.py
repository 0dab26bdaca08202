from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from isthmus_platform.local_airflow import Client, InstallationError
from isthmus_platform.local_airflow.models import Run, Task
from isthmus_platform.local_airflow.waiting import check_can_start, describe_wait

DAG = "parcel_delays.v1"
POOLS = {"default_pool": 128, "small": 0, "any": -1}


def airflow(*, paused: bool = False, known: bool = True) -> Client:
    """Return a client of an Airflow with one DAG and some pools."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if request.url.path == "/api/v2/pools":
            pools = [{"name": name, "slots": slots} for name, slots in POOLS.items()]
            return httpx.Response(200, json={"pools": pools, "total_entries": len(pools)})
        page = {
            "dag_id": DAG,
            "dag_display_name": DAG,
            "is_paused": paused,
            "has_import_errors": False,
            "file_token": "t",
        }
        return httpx.Response(200, json={"dags": [page] * known, "total_entries": int(known)})

    return Client("http://airflow", transport=httpx.MockTransport(answer))


def test_a_run_of_an_active_dag_with_known_pools_may_start() -> None:
    check_can_start(airflow(), DAG, ["default_pool", "any"])
    check_can_start(airflow(known=False), DAG, [])


def test_a_run_of_a_paused_dag_is_refused() -> None:
    with pytest.raises(InstallationError) as refused:
        check_can_start(airflow(paused=True), DAG, ["default_pool"])
    assert str(refused.value) == (
        "parcel_delays.v1 is paused in Airflow, so a run of it would only wait; unpause it at "
        "http://airflow/dags/parcel_delays.v1, then run it"
    )


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("smal", "unknown pool 'smal'; did you mean 'small'?"),
        ("small", "pool 'small' has no slots"),
    ],
)
def test_a_pool_that_never_has_a_slot_is_refused(pool: str, words: str) -> None:
    with pytest.raises(InstallationError, match="http://airflow/pools") as refused:
        check_can_start(airflow(), DAG, ["default_pool", pool])
    assert str(refused.value).startswith(words)
    assert "a task of parcel_delays.v1 would wait for it for ever" in str(refused.value)


def run(state: str = "running") -> Run:
    return Run(DAG, "manual__1", state, "rest_api", None, None, None)


def task(state: str | None, pool: str = "default_pool") -> Task:
    return Task("transform", state, 1, None, None, None, pool=pool)


def test_what_is_paused_or_gone_is_said_first() -> None:
    assert describe_wait(airflow(paused=True), run("queued"), []) == (
        "parcel_delays.v1 is paused; unpause it at http://airflow/dags/parcel_delays.v1"
    )
    said = describe_wait(airflow(known=False), run(), [task("scheduled")])
    assert said == "Airflow finds no DAG parcel_delays.v1 in its files"


@pytest.mark.parametrize(
    ("client", "now", "waiting", "words"),
    [
        (airflow, run("queued"), [], "the run is queued; other runs of parcel_delays.v1 may be"),
        (
            airflow,
            run(),
            [task("success"), task("scheduled")],
            "a free slot of pool 'default_pool'",
        ),
        (
            airflow,
            run(),
            [task("scheduled", "gone")],
            "a free slot of pool 'gone', which does not exist; create it at http://airflow/pools",
        ),
        (airflow, run(), [task("queued")], "transform waits for a free worker"),
        (airflow, run(), [task("up_for_retry")], "tried again after its retry delay"),
        (
            airflow,
            run(),
            [task("awaiting_input")],
            "waits for the answer of a person, at http://airflow/dags/parcel_delays.v1/runs/",
        ),
        (airflow, run(), [task("success"), task(None)], "the scheduler has not started the next"),
    ],
)
def test_what_a_run_waits_for_is_said(
    client: Callable[[], Client], now: Run, waiting: list[Task], words: str
) -> None:
    assert words in describe_wait(client(), now, waiting)
