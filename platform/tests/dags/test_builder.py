from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, CronTriggerTimetable
from airflow.serialization.serialized_objects import DagSerialization

from isthmus_contracts import DataflowContract, Deprecation
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.testing.sample_catalog import (
    CATALOG,
    COURIER_DAYS,
    PARCEL_DELAYS,
    STATION_DAYS,
)
from isthmus_platform.dags import isthmus_dags
from isthmus_platform.dags.builder import build_dag, build_dags
from isthmus_platform.deployment import (
    DeployedDataflow,
    Deployment,
    LakeLocation,
    Runner,
    RunsLocation,
    Settings,
    StageSettings,
)

PARCELS = Path(__file__).parents[1] / "parcels.toml"
FOLDER = Path(isthmus_dags.__file__).parent
LAST_DAY = date(2027, 1, 31)
DAY_AFTER = LAST_DAY + timedelta(days=1)
RETIRED = "parcel_delays.v1 was retired after 2027-01-31; use parcel_delays.v2 instead"

SECRET = "a secret of the runner"  # noqa: S105 - it opens nothing


def dag_of(contract: DataflowContract, settings: Settings | None = None) -> DAG:
    """Return the DAG of a dataflow with these settings, in a deployment that holds a secret."""
    runner = Runner(("python",), "/home", {"TOKEN": SECRET})
    places = LakeLocation("/lake"), RunsLocation("/runs")
    deployment = Deployment(Path("company.toml"), *places, {}, {"default": runner}, {}, {})
    return build_dag(DeployedDataflow(contract, settings or Settings(), deployment))


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "company.toml"
    file.write_text(PARCELS.read_text())
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(file))
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "python")
    return file


def deprecated(until: date = LAST_DAY) -> Catalog:
    """Return the catalog with parcel_delays deprecated."""
    old = replace(PARCEL_DELAYS, deprecation=Deprecation(until, "parcel_delays.v2"))
    return replace(CATALOG, dataflows=(old, STATION_DAYS))


def serialized(dag: DAG) -> str:
    return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)


def chain(dag: DAG) -> list[tuple[str, list[str]]]:
    return [(task.task_id, sorted(task.downstream_task_ids)) for task in dag.topological_sort()]


@pytest.mark.usefixtures("deployment")
def test_each_dataflow_is_one_dag_in_a_line() -> None:
    dags = build_dags(CATALOG)
    assert list(dags) == ["parcel_delays.v1", "station_days.v1", "courier_days.v1"]
    for dag in dags.values():
        assert chain(dag) == [
            ("ingest", ["transform"]),
            ("transform", ["publish"]),
            ("publish", []),
        ]


def test_a_dataflow_that_reads_another_waits_for_its_asset() -> None:
    (publish,) = dag_of(PARCEL_DELAYS, Settings()).leaves
    (outlet,) = publish.outlets
    assert outlet == Asset(name="parcel_delays.v1", uri="isthmus://parcel_delays/v1")
    dag = dag_of(STATION_DAYS, Settings())
    assert dag.timetable.asset_condition.objects == (outlet,)
    assert dag_of(STATION_DAYS, Settings(schedule="0 4 * * *")).timetable.expression == "0 4 * * *"


def test_settings_reach_every_task() -> None:
    settings = Settings(retries=3, retry_delay_seconds=7, pool="io", queue="big", timeout_minutes=2)
    dag = dag_of(PARCEL_DELAYS, settings)
    for task in dag.tasks:
        assert (task.retries, task.pool, task.queue) == (3, "io", "big")
        assert task.retry_delay.total_seconds() == 7
        assert task.execution_timeout is not None
        assert task.execution_timeout.total_seconds() == 120
        assert task.owner == PARCEL_DELAYS.owner


CUT = Settings(
    retries=1,
    queue="io",
    transform_queue="compute",
    memory_megabytes=1_000,
    stages=("joined_parcels", "parcel_features"),
    stage={"joined_parcels": StageSettings(pool="big", queue="large", retries=4)},
)


def test_each_stage_is_a_task_in_the_line() -> None:
    dag = dag_of(PARCEL_DELAYS, CUT)
    names = ["ingest", "transform_joined_parcels", "transform_parcel_features", "transform"]
    assert chain(dag) == [
        *((name, [after]) for name, after in pairwise([*names, "publish"])),
        ("publish", []),
    ]
    tasks = [dag.get_task(name) for name in names]
    assert [task.queue for task in tasks] == ["io", "large", "compute", "compute"]
    assert [task.retries for task in tasks] == [1, 4, 1, 1]
    assert [task.pool for task in tasks][:2] == ["default_pool", "big"]


def test_stages_may_be_fanned_out_and_approved() -> None:
    settings = Settings(stages=("courier_days",), fan_out=True, approval=True)
    dag = dag_of(COURIER_DAYS, settings)
    assert [name for name, _ in chain(dag)] == [
        *("ingest", "transform_courier_days", "transform", "approve", "publish"),
    ]


def test_a_fused_run_is_one_task() -> None:
    dag = dag_of(PARCEL_DELAYS, Settings(fused=True, transform_queue="compute", retries=2))
    assert chain(dag) == [("run", [])]
    (task,) = dag.tasks
    assert (task.queue, task.retries) == ("compute", 2)
    assert task.outlets == [Asset(name="parcel_delays.v1", uri="isthmus://parcel_delays/v1")]


def test_an_unknown_stage_boundary_is_shown_in_place_of_the_dag(
    deployment: Path,
) -> None:
    deployment.write_text(
        deployment.read_text() + '\n[dataflows."station_days.v1"]\nstages = ["dayz"]\n'
    )
    dag = build_dags(CATALOG)["station_days.v1"]
    assert "unknown checkpoint or output 'dayz'; did you mean 'days'?" in str(dag.doc_md)


@pytest.mark.parametrize("fan_out", [False, True])
def test_transform_tasks_may_wait_in_a_queue_of_their_own(fan_out: bool) -> None:
    settings = Settings(queue="io", transform_queue="compute", approval=True, fan_out=fan_out)
    queues = {task.task_id: task.queue for task in dag_of(COURIER_DAYS, settings).tasks}
    assert queues == {"ingest": "io", "transform": "compute", "approve": "io", "publish": "io"}


def test_the_serialized_dag_is_the_same_each_time() -> None:
    once, again = (serialized(dag_of(PARCEL_DELAYS, Settings())) for _ in range(2))
    assert once == again
    assert "courier_scores" in once  # it is an output; what follows is a function inside
    assert "trained_model" not in once


@pytest.mark.usefixtures("deployment")
def test_airflow_finds_the_catalog_and_nothing_else() -> None:
    bag = DagBag(FOLDER, bundle_path=FOLDER, bundle_name="test")
    assert bag.import_errors == {}
    assert sorted(bag.dags) == sorted(str(dataflow.identity) for dataflow in CATALOG.dataflows)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("name", [str(dataflow.identity) for dataflow in CATALOG.dataflows])
def test_where_a_task_runs_only_its_own_dag_is_built(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What Airflow itself sets around a worker's reading, and `get_parsing_context` returns.
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", name)
    bag = DagBag(FOLDER, bundle_path=FOLDER, bundle_name="test")
    assert bag.import_errors == {}
    assert list(bag.dags) == [name]
    assert serialized(bag.dags[name]) == serialized(whole_bag().dags[name])


def whole_bag() -> DagBag:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID")
        return DagBag(FOLDER, bundle_path=FOLDER, bundle_name="test")


def test_a_placeholder_is_built_alone_too(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = '\n[dataflows."parcel_delays.v1"]\nretires = 3\n[dataflows."a b"]\n'
    deployment.write_text(PARCELS.read_text() + part)
    for dag in build_dags(CATALOG).values():
        (alone,) = build_dags(CATALOG, only=dag.dag_id).values()
        assert serialized(alone) == serialized(dag)
    assert build_dags(CATALOG, only="tokyo.v1") == {}
    deployment.write_text("[lake")
    monkeypatch.setenv("ISTHMUS_STATE", str(deployment.parent / "another host"))
    (alone,) = build_dags(CATALOG, only="station_days.v1").values()
    assert "it is not valid TOML" in str(alone.dag_display_name)


@pytest.mark.usefixtures("deployment")
@pytest.mark.slow
def test_the_dag_file_imports_no_library_that_only_a_run_needs() -> None:
    probe = (
        "import sys, isthmus_platform.dags.isthmus_dags\n"
        "print([name for name in ('pyarrow', 'deltalake') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_an_invalid_part_shows_in_the_list_and_spares_the_others(deployment: Path) -> None:
    part = '\n[dataflows."parcel_delays.v1"]\nretires = 3\n[dataflows."tokyo.v1"]\n'
    deployment.write_text(PARCELS.read_text() + part)
    dags = build_dags(CATALOG)
    assert sorted(dags) == ["courier_days.v1", "parcel_delays.v1", "station_days.v1", "tokyo.v1"]
    assert "unknown field 'retires'" in str(dags["parcel_delays.v1"].dag_display_name)
    assert "cannot run here" in str(dags["parcel_delays.v1"].doc_md)
    assert dags["parcel_delays.v1"].task_ids == ["invalid-deployment"]
    assert "unknown dataflow 'tokyo.v1'" in str(dags["tokyo.v1"].dag_display_name)
    assert dags["station_days.v1"].task_ids == ["ingest", "transform", "publish"]


def test_a_file_that_is_no_toml_shows_for_every_dataflow(deployment: Path) -> None:
    deployment.write_text("[lake")
    dags = build_dags(CATALOG)
    assert len(dags) == len(CATALOG.dataflows)
    assert all("it is not valid TOML" in str(dag.dag_display_name) for dag in dags.values())


@pytest.mark.parametrize("schedule", ["every day", "61 * * * *"])
def test_a_schedule_that_airflow_refuses_shows_too(deployment: Path, schedule: str) -> None:
    part = f'\n[dataflows."station_days.v1"]\nschedule = "{schedule}"\n'
    deployment.write_text(PARCELS.read_text() + part)
    dags = build_dags(CATALOG)
    assert dags["station_days.v1"].task_ids == ["invalid-deployment"]
    assert dags["parcel_delays.v1"].task_ids == ["ingest", "transform", "publish"]


def test_unknown_dataflows_have_ids_of_their_own(deployment: Path) -> None:
    names = ["a b", "a_b", "x" * 300]
    deployment.write_text(PARCELS.read_text() + "".join(f'\n[dataflows."{n}"]' for n in names))
    dags = build_dags(CATALOG)
    assert len({dag.dag_id for dag in dags.values()}) == len(CATALOG.dataflows) + len(names)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("today", [date(2020, 1, 1), LAST_DAY])
def test_a_deprecated_dataflow_runs_to_the_end_of_its_last_day(today: date) -> None:
    dag = build_dags(deprecated(), today)["parcel_delays.v1"]
    assert dag.task_ids == ["ingest", "transform", "publish"]
    assert dag.tags == {"data-science", "isthmus", "deprecated"}
    assert dag.dag_display_name == "parcel_delays.v1"
    assert "runs until 2027-01-31" in str(dag.doc_md)


@pytest.mark.usefixtures("deployment")
def test_after_its_last_day_a_dataflow_is_refused_and_the_others_are_spared() -> None:
    dags = build_dags(deprecated(), DAY_AFTER)
    dag = dags["parcel_delays.v1"]
    assert dag.task_ids == ["end-of-life"]
    assert dag.tags == {"isthmus", "end-of-life"}
    assert dag.description == RETIRED
    assert RETIRED in str(dag.dag_display_name)
    assert dag.get_task("end-of-life").message == RETIRED
    assert "parcel\\_delays.v1 was retired after 2027-01-31" in str(dag.doc_md)
    assert dags["station_days.v1"].task_ids == ["ingest", "transform", "publish"]
    assert "deprecated" not in dags["station_days.v1"].tags


def test_a_retired_dataflow_is_said_to_be_retired_whatever_its_deployment_says(
    deployment: Path,
) -> None:
    part = '\n[dataflows."parcel_delays.v1"]\nretires = 3\n'
    deployment.write_text(PARCELS.read_text() + part)
    assert build_dags(deprecated(), DAY_AFTER)["parcel_delays.v1"].task_ids == ["end-of-life"]
    assert build_dags(deprecated(), LAST_DAY)["parcel_delays.v1"].task_ids == ["invalid-deployment"]


@pytest.mark.usefixtures("deployment")
def test_a_deprecation_changes_the_dag_twice_and_not_each_day() -> None:
    days = [LAST_DAY + timedelta(days=index) for index in range(-2, 3)]
    forms = [serialized(build_dags(deprecated(), day)["parcel_delays.v1"]) for day in days]
    assert forms[0] == forms[1] == forms[2] != forms[3] == forms[4]
    assert forms[0] != serialized(build_dags(CATALOG, LAST_DAY)["parcel_delays.v1"])


@pytest.mark.usefixtures("deployment")
def test_without_a_day_it_is_today() -> None:
    today = datetime.now(UTC).date()
    for days, tasks in ((-2, ["end-of-life"]), (2, ["ingest", "transform", "publish"])):
        catalog = deprecated(today + timedelta(days=days))
        assert build_dags(catalog)["parcel_delays.v1"].task_ids == tasks


def test_where_a_person_is_asked_the_line_has_four_tasks(deployment: Path) -> None:
    part = '\n[dataflows."station_days.v1"]\napproval = true\n'
    deployment.write_text(PARCELS.read_text() + part)
    dags = build_dags(CATALOG)
    assert chain(dags["station_days.v1"]) == [
        ("ingest", ["transform"]),
        ("transform", ["approve"]),
        ("approve", ["publish"]),
        ("publish", []),
    ]
    assert len(chain(dags["parcel_delays.v1"])) == 3
    assert dags["station_days.v1"].get_task("approve").execution_timeout is None
    assert dags["station_days.v1"].get_task("publish").execution_timeout is not None
    bag = DagBag(str(FOLDER), bundle_path=FOLDER, bundle_name="test")
    assert bag.import_errors == {}


@pytest.mark.parametrize("fan_out", [False, True])
def test_what_airflow_stores_of_a_dag_shows_no_secret_of_the_deployment(fan_out: bool) -> None:
    assert SECRET not in serialized(dag_of(COURIER_DAYS, Settings(fan_out=fan_out)))


TYPO = "[lake"
"""A file that is not TOML."""


def tagged(dags: dict[str, DAG]) -> list[str]:
    """Return the DAGs whose tags say that the deployment is invalid."""
    return sorted(name for name, dag in dags.items() if "invalid-deployment" in dag.tags)


@pytest.mark.parametrize("content", [TYPO, "", "[lakes]\n", None])
def test_an_invalid_or_missing_file_leaves_every_dag_as_it_was(
    deployment: Path, content: str | None
) -> None:
    deployment.write_text(PARCELS.read_text().replace("retries = 1", "retries = 5"))
    digest = hashlib.sha256(deployment.read_bytes()).hexdigest()
    before = build_dags(CATALOG)
    assert tagged(before) == []
    deployment.unlink()
    if content is not None:
        deployment.write_text(content)
    dags = build_dags(CATALOG)
    assert tagged(dags) == sorted(before)
    for name, dag in dags.items():
        assert chain(dag) == chain(before[name])
        assert {task.retries for task in dag.tasks} == {5}
        assert dag.dag_display_name == name
        assert dag.get_task("ingest").dataflow.deployment.digest == digest
        assert "**The deployment file has a mistake.**" in str(dag.doc_md)
        assert digest in str(dag.doc_md)
        assert "company.toml, " in str(dag.doc_md)
        (alone,) = build_dags(CATALOG, only=name).values()
        assert serialized(alone) == serialized(dag)
    deployment.write_text(PARCELS.read_text())
    after = build_dags(CATALOG)
    assert tagged(after) == []
    assert {task.retries for task in after["station_days.v1"].tasks} == {1}


def test_a_mistake_in_one_dataflows_part_keeps_only_that_one_old(deployment: Path) -> None:
    own = '\n[dataflows."parcel_delays.v1"]\nstages = ["joined_parcels"]\n'
    deployment.write_text(PARCELS.read_text() + own)
    build_dags(CATALOG)
    changed = PARCELS.read_text().replace("retries = 1", "retries = 7")
    deployment.write_text(changed + own.replace("stages", "stagse"))
    dags = build_dags(CATALOG)
    assert tagged(dags) == ["parcel_delays.v1"]
    old, new = dags["parcel_delays.v1"], dags["station_days.v1"]
    assert old.has_task("transform_joined_parcels")
    assert {task.retries for task in old.tasks} == {1}
    assert "unknown field 'stagse'; did you mean " in str(old.doc_md)
    assert {task.retries for task in new.tasks} == {7}


def test_every_mistake_is_on_the_page(deployment: Path) -> None:
    build_dags(CATALOG)
    deployment.write_text(f"{PARCELS.read_text()}pool = 3\nqueue = ''\n")
    page = str(build_dags(CATALOG)["station_days.v1"].doc_md)
    assert "pool: expected str, got 3" in page
    assert "queue is ''; allowed: the name of a queue" in page


def test_a_kept_file_that_this_code_refuses_is_not_used(deployment: Path) -> None:
    own = '\n[dataflows."station_days.v1"]\nstages = ["days"]\n'
    deployment.write_text(PARCELS.read_text() + own)
    build_dags(CATALOG)
    deployment.write_text(TYPO)
    renamed = replace(STATION_DAYS.output("days"), name="station_days_by_date")
    outputs = (renamed, *STATION_DAYS.outputs[1:])
    catalog = replace(CATALOG, dataflows=(PARCEL_DELAYS, replace(STATION_DAYS, outputs=outputs)))
    dags = build_dags(catalog)
    assert dags["station_days.v1"].task_ids == ["invalid-deployment"]
    assert "cannot run here" in str(dags["station_days.v1"].doc_md)
    assert dags["parcel_delays.v1"].task_ids == ["ingest", "transform", "publish"]


def test_schedules_are_in_utc_and_those_with_partitions_have_intervals() -> None:
    settings = Settings(schedule="30 4 * * *")
    days, months = (
        dag_of(contract, settings).timetable for contract in (STATION_DAYS, COURIER_DAYS)
    )
    assert isinstance(days, CronTriggerTimetable)
    assert isinstance(months, CronDataIntervalTimetable)
    assert (days.timezone, months.timezone) == ("UTC", "UTC")
