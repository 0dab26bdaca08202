"""What is deployed shows in Airflow; what dataflows compute inside does not."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FLIGHT_DELAYS, Airflow, eventually

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.runs import RunRecord

Edit = Callable[..., tuple[str, str]]
AIRPORT_DAYS = "airport_days.v1"
INVALID = "invalid-deployment"


def reparse(airflow: Airflow) -> None:
    """Have the DAG file read again now."""
    dag = airflow.client.dag(AIRPORT_DAYS)
    assert dag is not None
    airflow.client.reparse(dag)


def versions_now(airflow: Airflow) -> list[int]:
    """Return the versions of the DAG after its file was read again."""
    reparse(airflow)
    time.sleep(5)
    return airflow.client.versions(FLIGHT_DELAYS)


def details(airflow: Airflow, dag: str = FLIGHT_DELAYS) -> tuple[set[str], str]:
    """Return the tags and the page of a DAG."""
    found = airflow.client.request("GET", f"/dags/{dag}/details")
    return {tag["name"] for tag in found["tags"]}, found["doc_md"]


def is_tagged(airflow: Airflow, dag: str = FLIGHT_DELAYS) -> bool:
    """Say whether Airflow shows that a mistake in the deployment file concerns a DAG."""
    return INVALID in details(airflow, dag)[0]


@pytest.mark.usefixtures("published")
def test_a_mistake_in_one_dataflows_part_is_shown_and_keeps_only_that_one_old(
    airflow: Airflow,
) -> None:
    airflow.deploy(("[defaults]", f'[dataflows."{FLIGHT_DELAYS}"]\nretires = 3\n\n[defaults]'))
    assert eventually(lambda: is_tagged(airflow), lambda: reparse(airflow))
    words = "unknown field 'retires'; did you mean 'retries'?"
    # Airflow stores the tags of a DAG before its page.
    assert eventually(lambda: words in details(airflow)[1], lambda: reparse(airflow))
    assert not is_tagged(airflow, AIRPORT_DAYS)
    assert airflow.client.import_errors() == []
    run = airflow.run(FLIGHT_DELAYS)
    assert run.state == "success", airflow.log(run, "transform")

    airflow.deploy()
    assert eventually(lambda: not is_tagged(airflow), lambda: reparse(airflow))


def test_a_part_that_was_never_valid_is_a_dag_that_says_why(airflow: Airflow) -> None:
    airflow.deploy(("[defaults]", '[dataflows."tokyo.v1"]\nretries = 3\n\n[defaults]'))

    def title() -> str:
        found = airflow.client.dag("tokyo.v1")
        return found.title if found else ""

    assert eventually(lambda: "cannot run" in title(), lambda: reparse(airflow)), title()
    assert "unknown dataflow 'tokyo.v1'" in title()
    run = airflow.run("tokyo.v1")
    assert run.state == "failed"
    assert "unknown dataflow 'tokyo.v1'" in airflow.log(run, INVALID)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("content", ["[lake", None])
def test_a_typo_or_a_missing_file_removes_no_running_task(
    airflow: Airflow, edited_transforms: Edit, tmp_path: Path, content: str | None
) -> None:
    waits, gate = tmp_path / "waits", tmp_path / "gate"
    line = "    return by_day.merge("
    wait = (
        "    from pathlib import Path\n    from time import sleep\n"
        f"    Path({str(waits)!r}).touch()\n"
        f"    while not Path({str(gate)!r}).exists():\n        sleep(0.1)\n"
    )
    old, new = edited_transforms("dataflows/airport_days/days.py", line, f"{wait}{line}")
    airflow.deploy((old, f'{new}\nwritable = ["{tmp_path}"]'))
    file = airflow.installation.deployment
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    run_id = airflow.client.trigger(AIRPORT_DAYS)
    assert eventually(waits.exists, airflow.up.check)
    run = airflow.client.run(AIRPORT_DAYS, run_id)

    file.unlink()
    if content is not None:
        file.write_text(content)
    assert eventually(lambda: is_tagged(airflow, AIRPORT_DAYS), lambda: reparse(airflow))
    assert is_tagged(airflow)
    mistake = "deployment.toml, file: it "
    assert eventually(
        lambda: mistake in details(airflow, AIRPORT_DAYS)[1], lambda: reparse(airflow)
    )
    assert digest in details(airflow, AIRPORT_DAYS)[1]
    time.sleep(5)  # in which the scheduler sees the new version of the DAG
    assert airflow.states(run) == {"ingest": "success", "transform": "running", "publish": None}

    gate.touch()  # the file is still invalid while the run goes on
    assert eventually(lambda: airflow.client.run(AIRPORT_DAYS, run_id).finished, airflow.up.check)
    assert set(airflow.states(run).values()) == {"success"}, airflow.log(run, "publish")
    assert {task.try_number for task in airflow.client.tasks(AIRPORT_DAYS, run_id)} == {1}
    identity = CATALOG.dataflow(AIRPORT_DAYS).identity
    pins = json.loads(RunRecord(airflow.state / "runs", identity, run_id).pins.read_text())
    assert pins["deployment"] == digest

    airflow.deploy()
    for dag in (AIRPORT_DAYS, FLIGHT_DELAYS):
        assert eventually(lambda dag=dag: not is_tagged(airflow, dag), lambda: reparse(airflow))


def test_a_changed_function_and_another_model_leave_the_dag_as_it_is(
    airflow: Airflow, published: Run, edited_transforms: Edit
) -> None:
    before = airflow.current()
    versions = versions_now(airflow)
    airflow.deploy(edited_transforms("dataflows/flight_delays/evaluation.py", '"size"', '"count"'))
    run = airflow.run(params={"model": "boosting"})
    assert run.state == "success", airflow.log(run, "transform")
    assert versions_now(airflow) == versions
    assert airflow.current() != before
    assert published.id != run.id
