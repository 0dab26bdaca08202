"""Bad input fails the task with one clear message, and leaves the last release untouched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
from conftest import FLIGHT_DELAYS, Airflow, eventually
from invariants import processes_of

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.protocol import NodeStarted
from isthmus_platform.local_airflow import AirflowError
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.runs import RunRecord

Edit = Callable[..., tuple[str, str]]


def fails(
    airflow: Airflow,
    published: Run,
    task: str,
    *words: str,
    params: dict[str, object] | None = None,
) -> None:
    """Run flight_delays, and expect this task to fail with these words in its log."""
    before = airflow.current()
    run = airflow.run(params=params)
    assert run.state == "failed"
    assert airflow.states(run)[task] == "failed"
    log = airflow.log(run, task)
    for text in words:
        assert text in log, log
    assert airflow.current() == before is not None, published


def test_a_param_out_of_bounds_is_refused_at_trigger(airflow: Airflow) -> None:
    with pytest.raises(AirflowError, match="13 is greater than the maximum of 12") as refusal:
        airflow.client.trigger(FLIGHT_DELAYS, {"test_from_month": 13})
    assert refusal.value.status == 400


def test_an_unknown_param(airflow: Airflow, published: Run) -> None:
    fails(
        airflow,
        published,
        "ingest",
        "unknown param 'modle'; did you mean 'model'?",
        params={"modle": "boosting"},
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("nowhere", ["there is no such table; known: ", "airlines"]),
        ("no_dest", ["column 'dest' is missing; known: year, month"]),
        ("worded", ["column 'distance' holds text in row 7; the contract says float64"]),
        ("thirteenth", ["column 'month' has 3 values above 12", "at most 12"]),
    ],
)
def test_a_source_that_breaks_its_contract(
    airflow: Airflow, published: Run, table: str, words: list[str]
) -> None:
    connection = 'connection = "nyc_operations"'
    airflow.deploy((connection, f'{connection}\ntables = {{ flights = "{table}" }}'))
    fails(airflow, published, "ingest", *words)


FEATURES = "dataflows/flight_delays/features.py"
EVALUATION = "dataflows/flight_delays/evaluation.py"


@pytest.mark.parametrize(
    ("module", "old", "new", "words"),
    [
        (
            EVALUATION,
            'late_share=("is_late", "mean"),',
            'late_share=("is_late", "mean"), worst=("arr_delay", "max"),',
            ["output 'carrier_scores'", "column 'worst' is not in the contract"],
        ),
        (
            FEATURES,
            '"tailnum": joined["tailnum"],',
            "",
            ["output 'flight_features'", "column 'tailnum' is missing"],
        ),
        (
            EVALUATION,
            "flights = tested_flights.assign(expected=is_late_probability)",
            "flights = tested_flights.assign(expected=is_late_probability + 1.5)",
            ["output 'carrier_scores'", "column 'expected_late_share'", "at most 1"],
        ),
        (
            EVALUATION,
            "flights = tested_flights.assign(expected=is_late_probability)",
            "flights = tested_flights.assign(expected=1 / len([]))",
            [
                "node 'carrier_scores' failed in carrier_scores",
                "isthmus_transforms/dataflows/flight_delays/evaluation.py:32): ZeroDivisionError",
                "carrier_scores failed after",
            ],
        ),
    ],
    ids=["extra column", "missing column", "out of bounds", "raising"],
)
def test_a_dataflow_that_breaks_its_contract(  # noqa: PLR0913, PLR0917
    airflow: Airflow,
    published: Run,
    edited_transforms: Edit,
    module: str,
    old: str,
    new: str,
    words: list[str],
) -> None:
    airflow.deploy(edited_transforms(module, old, new))
    fails(airflow, published, "transform", *words)


def test_a_runner_that_ends_without_a_result(airflow: Airflow, published: Run) -> None:
    airflow.deploy(_command("true"))
    fails(airflow, published, "transform", "the runner exited with 0 and sent no result")


def test_a_runner_that_prints_garbage(airflow: Airflow, published: Run) -> None:
    airflow.deploy(_command("echo", "hello there"))
    fails(airflow, published, "transform", "the runner broke the protocol", "hello there")


def test_a_runner_that_does_not_exist(airflow: Airflow, published: Run) -> None:
    airflow.deploy(_command("/nowhere/python"))
    fails(airflow, published, "transform", "the runner's command '/nowhere/python' does not exist")


def _command(*words: str) -> tuple[str, str]:
    shown = ", ".join(f'"{word}"' for word in words)
    return (
        'command = ["${ISTHMUS_TRANSFORMS_PYTHON}", "-m", "isthmus_transforms.runner"]',
        f"command = [{shown}]",
    )


def test_a_run_that_a_person_ends_leaves_nothing_behind(
    airflow: Airflow, published: Run, edited_transforms: Edit
) -> None:
    before = airflow.current()
    airflow.deploy(
        edited_transforms(
            EVALUATION,
            "flights = tested_flights.assign(expected=is_late_probability)",
            "import time; time.sleep(600)",
        )
    )
    run_id = airflow.client.trigger(FLIGHT_DELAYS)
    record = RunRecord(airflow.state / "runs", CATALOG.dataflow(FLIGHT_DELAYS).identity, run_id)

    def started() -> bool:
        return any(
            isinstance(answer, NodeStarted) and answer.node == "carrier_scores"
            for answer in record.attempt("transform", 1).answers()
        )

    assert eventually(started)
    assert _runners(airflow)
    airflow.client.fail(FLIGHT_DELAYS, run_id)
    assert eventually(lambda: not _runners(airflow))
    assert airflow.current() == before is not None, published
    assert eventually(lambda: not list(record.work.iterdir()))


def _runners(airflow: Airflow) -> list[psutil.Process]:
    """Return the runners of this Airflow; other sessions may have theirs."""
    found = []
    for process in processes_of(airflow.state):
        with suppress(psutil.Error):
            if "isthmus_transforms.runner" in process.cmdline():
                found.append(process)
    return found
