from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyarrow import parquet

from isthmus_contracts import Table
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import DiskStore

Call = Callable[..., tuple[int, str, str]]
Publish = Callable[[Lake, str], releases.Release]
FEATURES = PARCEL_DELAYS.output("parcel_features")


def test_inputs_are_exported_as_the_run_read_them(
    state: Path, publish: Publish, tmp_path: Path, call: Call
) -> None:
    publish(Lake(DiskStore(state / "lake")), "run-1")
    publish(Lake(DiskStore(state / "lake")), "run-2")
    out = tmp_path / "inputs"
    status, output, _ = call("export-inputs", "station_days", str(out))
    assert status == 0
    assert f"wrote {out}/parcel_features.parquet, 2 rows\n" in output
    rows = parquet.read_table(out / "parcel_features.parquet")
    assert isinstance(FEATURES, Table)
    assert rows.schema.equals(arrow_schema(FEATURES))
    assert rows["parcel"].to_pylist() == [1, 2]


def test_inputs_of_a_run_that_did_not_publish_can_be_exported(
    state: Path, publish: Publish, tmp_path: Path, call: Call
) -> None:
    release = publish(Lake(DiskStore(state / "lake")), "run-1")
    (pin,) = release.inputs.values()
    record = RunRecord(state / "runs", STATION_DAYS.identity, "run-9")
    record.write_pins(Pins({"seed": 3}, {"parcel_features": Pin(pin.table, pin.version)}))
    out = str(tmp_path / "inputs")
    for options in (["--run", "run-9"], []):
        status, output, _ = call("export-inputs", "station_days", out, *options)
        assert status == 0
        assert output.startswith("inputs of run run-9\n")
        assert output.endswith(f" run station_days --inputs {out} -p seed=3\n")
