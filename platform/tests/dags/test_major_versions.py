"""Two major versions of one dataflow live side by side, as DAGs and in the lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.sdk import DAG, Asset
from pyarrow import parquet

from isthmus_contracts import Column, DataflowContract, Table, UnknownNameError
from isthmus_contracts.catalog import Catalog
from isthmus_platform.dags.builder import build_dags
from isthmus_platform.deployment import LOCAL
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import DiskStore

OLD_ROWS = Table("rows", "Rows in miles.", (Column("miles", "int64", "How far.", unit="mi"),))
NEW_ROWS = Table("rows", "Rows in km.", (Column("km", "float64", "How far.", unit="km"),))
OLD = DataflowContract("x", "1.2.0", "eve", "Measures in miles.", (), (OLD_ROWS,))
NEW = DataflowContract("x", "2.0.0", "eve", "Measures in kilometres.", (), (NEW_ROWS,))
READER = DataflowContract(
    "reader",
    "1.0.0",
    "adam",
    "Reads the new one.",
    (NEW.input("rows"),),
    (replace(NEW_ROWS, name="sums"),),
)
CATALOG = Catalog(datasets=(), dataflows=(OLD, NEW, READER))


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "company.toml"
    file.write_text(LOCAL.read_text())
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(file))
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "python")
    return file


def publish(lake: Lake, dataflow: DataflowContract, run: str, value: float) -> releases.Release:
    """Publish a release whose table has one row with one value."""
    table = dataflow.output("rows")
    assert isinstance(table, Table)
    (column,) = table.columns
    directory = lake.table(dataflow.identity, table.name)
    rows = pa.Table.from_pylist([{column.name: value}], arrow_schema(table))
    (file,) = write_table(directory, table, rows.to_batches())
    taken = AcceptedFile((directory / file.name).key, file.bytes, "0" * 64, file.rows)
    outputs = (AcceptedOutput(table.name, (taken,)),)
    accepted = Accepted(str(dataflow.identity), dataflow.version, "code", run, outputs)
    return publication.publish(lake, dataflow, accepted, params={}, inputs={})


def rows_of(lake: Lake, release: releases.Release) -> list[dict[str, object]]:
    table = releases.pin(release, "rows")
    (file,) = tables.files_of(lake.path(table.table), table.version)
    rows: list[dict[str, object]] = parquet.ParquetFile(file.local()).read().to_pylist()
    return rows


def outlet(dag: DAG) -> Asset:
    (asset,) = dag.get_task("publish").outlets
    assert isinstance(asset, Asset)
    return asset


@pytest.mark.usefixtures("deployment")
def test_each_is_a_dag_of_its_own_with_an_asset_of_its_own() -> None:
    dags = build_dags(CATALOG)
    assert [dag.dag_id for dag in dags.values()] == ["x.v1", "x.v2", "reader.v1"]
    assert outlet(dags["x.v1"]) == Asset(name="x.v1", uri="isthmus://x/v1")
    assert outlet(dags["x.v2"]) == Asset(name="x.v2", uri="isthmus://x/v2")
    assert str(dags["x.v1"].get_task("ingest").dataflow.contract.identity) == "x.v1"
    assert str(dags["x.v2"].get_task("ingest").dataflow.contract.identity) == "x.v2"
    assert dags["x.v1"].tags == dags["x.v2"].tags == {"eve", "isthmus"}


@pytest.mark.usefixtures("deployment")
def test_a_reader_waits_for_the_version_that_it_reads() -> None:
    dags = build_dags(CATALOG)
    assert dags["reader.v1"].timetable.asset_condition.objects == (outlet(dags["x.v2"]),)
    assert "dataflow x.v2" in str(dags["reader.v1"].doc_md)


@pytest.mark.usefixtures("deployment")
def test_each_page_shows_its_own_contract() -> None:
    dags = build_dags(CATALOG)
    old, new = str(dags["x.v1"].doc_md), str(dags["x.v2"].doc_md)
    for text, has, has_not in (
        ("Contract version **1.2.0**", old, new),
        ("Measures in miles.", old, new),
        ("| miles | int64 | mi |", old, new),
        ("Contract version **2.0.0**", new, old),
        ("Measures in kilometres.", new, old),
        ("| km | float64 | km |", new, old),
    ):
        assert text in has
        assert text not in has_not


def test_the_deployment_overrides_each_by_its_own_name(deployment: Path) -> None:
    part = '\n[dataflows."x.v2"]\nretries = 7\nschedule = "0 4 * * *"\n'
    deployment.write_text(f'{LOCAL.read_text()}\n[dataflows."x.v1"]\nretries = 6\n{part}')
    dags = build_dags(CATALOG)
    assert {task.retries for task in dags["x.v1"].tasks} == {6}
    assert {task.retries for task in dags["x.v2"].tasks} == {7}
    assert dags["x.v1"].schedule is None
    assert dags["x.v2"].timetable.expression == "0 4 * * *"


def test_a_mistake_in_the_part_of_one_spares_the_other(deployment: Path) -> None:
    deployment.write_text(f'{LOCAL.read_text()}\n[dataflows."x.v2"]\nretires = 7\n')
    dags = build_dags(CATALOG)
    assert dags["x.v1"].task_ids == ["ingest", "transform", "publish"]
    assert dags["x.v2"].task_ids == ["invalid-deployment"]


def test_a_name_without_a_version_is_unknown_in_the_deployment(deployment: Path) -> None:
    deployment.write_text(f"{LOCAL.read_text()}\n[dataflows.x]\nretries = 7\n")
    dags = build_dags(CATALOG)
    assert "unknown dataflow 'x'; known: 'x.v1', 'x.v2'" in str(dags["x"].dag_display_name)


def test_each_has_its_own_releases_in_the_lake(tmp_path: Path) -> None:
    lake = Lake(DiskStore(tmp_path))
    first, new = publish(lake, OLD, "first", 1), publish(lake, NEW, "first", 1.5)
    second = publish(lake, OLD, "second", 2)
    assert first.id != new.id  # though the runs have one name
    assert (rows_of(lake, second), rows_of(lake, new)) == ([{"miles": 2}], [{"km": 1.5}])
    assert releases.releases(lake, OLD.identity) == ((second, True), (first, False))
    assert releases.releases(lake, NEW.identity) == ((new, True),)


@pytest.mark.parametrize(("moved", "still"), [(OLD, NEW), (NEW, OLD)])
def test_rolling_one_back_leaves_the_other(
    tmp_path: Path, moved: DataflowContract, still: DataflowContract
) -> None:
    lake = Lake(DiskStore(tmp_path))
    first = publish(lake, moved, "first", 1)
    publish(lake, still, "first", 1)
    publish(lake, moved, "second", 2)
    newest = publish(lake, still, "second", 2)
    before = {path: path.read_bytes() for path in files_of(lake, still)}
    releases.roll_back(lake, moved.identity, first.id, by="eve")
    assert releases.current(lake, moved.identity) == first
    assert releases.current(lake, still.identity) == newest
    assert {path: path.read_bytes() for path in files_of(lake, still)} == before


def files_of(lake: Lake, dataflow: DataflowContract) -> list[Path]:
    """Return every file of a dataflow in the lake."""
    folder = lake.pointer(dataflow.identity).local().parent
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert found
    return found


def test_a_release_of_one_is_unknown_to_the_other(tmp_path: Path) -> None:
    lake = Lake(DiskStore(tmp_path))
    publish(lake, OLD, "first", 1)
    new = publish(lake, NEW, "first", 1)
    with pytest.raises(UnknownNameError, match=r"unknown release .* of dataflow 'x\.v1'"):
        releases.roll_back(lake, OLD.identity, new.id, by="eve")
