"""A dataflow in stages, and one fused, publish what the plain one does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from conftest import FLIGHT_DELAYS, Airflow, eventually
from invariants import Content, lake_of, published

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.local_airflow.client import Run

CARD = "dataflows/flight_delays/evaluation.py"
BOUNDARIES = ("joined_flights", "flight_features")
PLAIN = ("ingest", "transform", "publish")
STAGED = ("ingest", *(f"transform_{name}" for name in BOUNDARIES), "transform", "publish")


def settings(lines: str) -> tuple[str, str]:
    """Return a change of deployment that adds settings of flight_delays."""
    return "[defaults]", f'[dataflows."{FLIGHT_DELAYS}"]\n{lines}\n[defaults]'


STAGES = settings(
    f"stages = {list(BOUNDARIES)}\n"
    f'[dataflows."{FLIGHT_DELAYS}".stage.joined_flights]\n'
    'engine = "threads"\nengine_options = { workers = 2 }\nmemory_megabytes = 4_000'
)


@pytest.fixture
def cut(airflow: Airflow) -> Iterator[Callable[..., None]]:
    """Return a function that changes flight_delays' tasks; afterwards they are as they were."""

    def deploy(names: tuple[str, ...], *changes: tuple[str, str]) -> None:
        airflow.deploy(*changes)
        known = airflow.client.dag(FLIGHT_DELAYS)
        assert known is not None

        def is_read() -> bool:
            tasks = airflow.client.request("GET", f"/dags/{FLIGHT_DELAYS}/tasks")["tasks"]
            return {task["task_id"] for task in tasks} == set(names)

        if not is_read():
            airflow.client.reparse(known)
            assert eventually(is_read, airflow.up.check)

    yield deploy
    deploy(PLAIN)


def computed(airflow: Airflow, run: Run, task: str) -> set[str]:
    """Return the nodes that the last attempt of a task has computed."""
    return set(re.findall(r"(\w+) finished in", airflow.log(run, task)))


def content(airflow: Airflow, run: Run) -> Content:
    known = published(lake_of(airflow.state), CATALOG.dataflow(FLIGHT_DELAYS))
    (release,) = known.of_run(run.id)
    return known.contents[release]


def test_a_run_in_stages_publishes_the_same(
    airflow: Airflow,
    published: Run,
    cut: Callable[..., None],
    edited_transforms: Callable[..., tuple[str, str]],
) -> None:
    home = airflow.state / "runner" / "checkpoints"
    shutil.rmtree(home, ignore_errors=True)
    cut(STAGED, STAGES, edited_transforms(CARD, '"size"', "1 / 0"))
    run = airflow.run()
    assert airflow.states(run)["transform"] == "failed"
    first = computed(airflow, run, "transform_joined_flights")
    assert "joined_flights" in first
    assert "saved 1 intermediates" in airflow.log(run, "transform_joined_flights")
    second = computed(airflow, run, "transform_flight_features")
    assert "flight_features" in second
    assert not first & second
    checkpoints = lake_of(airflow.state).checkpoints(CATALOG.dataflow(FLIGHT_DELAYS).identity)
    assert len(list(checkpoints.walk())) >= len(BOUNDARIES)

    shutil.rmtree(home)  # as on another host
    cut(STAGED, STAGES)
    airflow.client.clear(run.dag, run.id, ["transform"])
    assert eventually(lambda: airflow.client.run(run.dag, run.id).finished, airflow.up.check)
    assert airflow.states(run) == dict.fromkeys(STAGED, "success"), airflow.log(run, "transform")
    assert not computed(airflow, run, "transform") & (first | second)
    assert content(airflow, run) == content(airflow, published)
    assert not list(checkpoints.walk())


def test_a_fused_run_publishes_the_same(
    airflow: Airflow, published: Run, cut: Callable[..., None]
) -> None:
    cut(("run",), settings("fused = true"))
    run = airflow.run()
    assert airflow.states(run) == {"run": "success"}, airflow.log(run, "run")
    assert content(airflow, run) == content(airflow, published)
    (event,) = airflow.client.asset_events(run.dag, run.id)
    assert event.extra["release"] == airflow.current()


def test_a_stage_that_holds_too_much_memory_fails_and_says_so(
    airflow: Airflow, cut: Callable[..., None]
) -> None:
    cut(PLAIN, settings("memory_megabytes = 50"))
    before = airflow.current()
    run = airflow.run()
    assert airflow.states(run)["transform"] == "failed"
    assert "the runner used more than 50 MB of memory; `memory_megabytes`" in airflow.log(
        run, "transform"
    )
    assert airflow.current() == before
