"""Writing what a run read as plain Parquet files, so that it can be computed without Airflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pyarrow import parquet

from isthmus_contracts import Dataflow
from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import SourceError
from isthmus_platform.lake import releases
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.schemas import arrow_schema, fit
from isthmus_platform.lake.tables import files_of
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import read_pins


def export_inputs(
    deployment: Deployment, dataflow: Dataflow, directory: Path, run: str | None = None
) -> Iterator[tuple[str, int]]:
    """Write each input of a run as `<input>.parquet`; yield its name and number of rows.

    Without `run`, the run of the current release. Raise `SourceError` if there is no such run.
    """
    lake = Lake(Path(deployment.lake.root))
    pins = _pins(deployment, lake, dataflow, run)
    directory.mkdir(parents=True, exist_ok=True)
    for each in dataflow.inputs:
        pin = pins[each.name]
        rows = 0
        draft = directory / f".{each.name}.parquet"
        with parquet.ParquetWriter(draft, arrow_schema(each.table), compression="zstd") as writer:
            for file in files_of(lake.path(pin.table), pin.version):
                for batch in parquet.ParquetFile(file).iter_batches():
                    writer.write_batch(fit(each.table, batch))
                    rows += batch.num_rows
        draft.replace(directory / f"{each.name}.parquet")
        yield each.name, rows


def _pins(
    deployment: Deployment, lake: Lake, dataflow: Dataflow, run: str | None
) -> Mapping[str, Pin]:
    if run is not None:
        record = RunRecord(Path(deployment.runs.root), dataflow.identity, run)
        try:
            return read_pins(record.pins).inputs
        except FileNotFoundError:
            raise SourceError(
                str(dataflow.identity), f"no run {run!r} has pinned its inputs here"
            ) from None
    release = releases.current(lake, dataflow.identity)
    if release is None:
        raise SourceError(str(dataflow.identity), "it has published no release yet; run it first")
    return release.inputs
