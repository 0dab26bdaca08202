from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.deployment import Deployment, LakeLocation, RunsLocation
from isthmus_platform.errors import SourceError, UserError
from isthmus_platform.export import export_inputs, find_inputs
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import create_lake, open_lake
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins

Publish = Callable[[Lake, str], releases.Release]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    lake, runs = LakeLocation(str(tmp_path / "lake")), RunsLocation(str(tmp_path / "runs"))
    return Deployment(tmp_path / "company.toml", lake, runs, {}, {}, {}, {})


@pytest.fixture
def lake(deployment: Deployment) -> Lake:
    return create_lake(deployment)


def exported(
    deployment: Deployment, dataflow: DataflowContract, folder: Path, run: str | None = None
) -> list[tuple[str, int]]:
    """Export the inputs of a run, by default of the last."""
    _, pins = find_inputs(deployment, dataflow, run)
    return list(export_inputs(open_lake(deployment), dataflow, pins, folder))


def test_without_a_run_it_is_the_last_one_that_has_pinned_its_inputs(
    deployment: Deployment, lake: Lake, publish: Publish, tmp_path: Path
) -> None:
    inputs = publish(lake, "run-1").inputs
    root = Path(deployment.runs.root)
    for run in ("first", "second"):
        pins = Pins({"seed": run}, inputs, id=run)
        RunRecord(root, STATION_DAYS.identity, run).write_pins(pins)
    RunRecord(root, STATION_DAYS.identity, "failed in ingest").create()
    whose, found = find_inputs(deployment, STATION_DAYS)
    assert (whose, found.id, found.params) == ("run second", "second", {"seed": "second"})
    assert exported(deployment, STATION_DAYS, tmp_path / "out") == [("parcel_features", 2)]


def test_where_no_run_left_a_record_it_is_what_the_current_release_was_made_from(
    deployment: Deployment, lake: Lake, publish: Publish, tmp_path: Path
) -> None:
    first = publish(lake, "run-1")
    publish(lake, "run-2")
    releases.roll_back(lake, STATION_DAYS.identity, first.id, by="a test")
    whose, _ = find_inputs(deployment, STATION_DAYS)
    assert whose == f"release {first.id} of run run-1, which has left no record here"
    out = tmp_path / "deep" / "out"
    assert exported(deployment, STATION_DAYS, out) == [("parcel_features", 2)]
    rows = parquet.read_table(tmp_path / "deep" / "out" / "parcel_features.parquet")
    assert rows.column_names == [column.name for column in STATION_DAYS.inputs[0].table.columns]
    assert [path.name for path in (tmp_path / "deep" / "out").iterdir()] == [
        "parcel_features.parquet"
    ]


def test_a_run_is_named_by_the_id_that_airflow_gave_it(
    deployment: Deployment, lake: Lake, publish: Publish, tmp_path: Path
) -> None:
    run = "manual__2013-01-01T00:00:00+00:00"
    pins = Pins({}, publish(lake, "run-1").inputs)
    RunRecord(Path(deployment.runs.root), STATION_DAYS.identity, run).write_pins(pins)
    assert find_inputs(deployment, STATION_DAYS, run)[0] == f"run {run}"
    assert exported(deployment, STATION_DAYS, tmp_path / "out", run) == [("parcel_features", 2)]


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize("run", ["gone", "../../elsewhere", "", "x" * 500])
def test_a_run_that_pinned_nothing_is_refused(
    deployment: Deployment, tmp_path: Path, run: str
) -> None:
    with pytest.raises(SourceError) as refusal:
        exported(deployment, PARCEL_DELAYS, tmp_path / "out", run)
    problem = f"no run {run!r} has pinned its inputs here"
    assert str(refusal.value) == f"source 'parcel_delays.v1': {problem}"
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("lake")
def test_without_a_release_there_is_nothing_to_export(
    deployment: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="no run has pinned its inputs here; run it first"):
        exported(deployment, PARCEL_DELAYS, tmp_path / "out")


def test_what_is_interrupted_leaves_what_was_there(
    deployment: Deployment,
    lake: Lake,
    publish: Publish,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(lake, "run-1")
    out = tmp_path / "out"
    exported(deployment, STATION_DAYS, out)
    before: Mapping[str, bytes] = {path.name: path.read_bytes() for path in out.iterdir()}

    def broken(*_: object) -> Iterator[object]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isthmus_platform.export.fit", broken)
    with pytest.raises(OSError, match="No space left"):
        exported(deployment, STATION_DAYS, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
