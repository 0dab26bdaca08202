"""What a run would change, compared with the release that readers get now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deltalake import Schema

from isthmus_contracts import DataflowContract, ParamValue, Table
from isthmus_platform.lake.delta.tables import read_version
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.gates import row_counts
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.schemas import delta_schema


@dataclass(frozen=True, slots=True)
class Change:
    """Say what something was and would be; None is not there."""

    name: str
    before: object
    after: object


def row_changes(
    dataflow: DataflowContract, accepted: Accepted, last: Release | None
) -> tuple[Change, ...]:
    """Return the number of rows of each table, or of each partition of the run's interval."""
    return tuple(
        Change(f"{table.name} {partition}" if partition else table.name, before, after)
        for table, partition, before, after in row_counts(dataflow, accepted, last)
    )


def file_changes(accepted: Accepted, last: Release | None) -> tuple[Change, ...]:
    """Return the number of bytes of each file."""
    before = {name: file.bytes for name, file in last.files.items()} if last else {}
    after = {
        output.name: output.files[0].bytes
        for output in accepted.outputs
        if output.files and output.files[0].rows is None
    }
    return _changes(before, after)


def metric_changes(accepted: Accepted, last: Release | None) -> tuple[Change, ...]:
    """Return each metric."""
    before = _flat(last.metrics) if last else {}
    return _changes(
        before, _flat({output.name: output.metrics or {} for output in accepted.outputs})
    )


def param_changes(params: Mapping[str, ParamValue], last: Release | None) -> tuple[Change, ...]:
    """Return the params that differ, or all of them if there is no release."""
    all_of_them = _changes(last.params if last else {}, params)
    return tuple(each for each in all_of_them if each.before != each.after)


def column_changes(
    lake: Lake, dataflow: DataflowContract, last: Release | None
) -> tuple[Change, ...]:
    """Return the columns of a released table that differ from the contract's."""
    found: list[Change] = []
    for name, released in (last.tables if last else {}).items():
        old = read_version(lake.path(released.path), released.version).schema()
        new = [
            output
            for output in dataflow.outputs
            if output.name == name and isinstance(output, Table)
        ]
        after = _columns(delta_schema(new[0])) if new else {}
        found += [
            Change(f"{name}.{change.name}", change.before, change.after)
            for change in _changes(_columns(old), after)
            if change.before != change.after
        ]
    return tuple(found)


def _columns(schema: Schema) -> dict[str, str]:
    return {
        field.name: str(getattr(field.type, "type", field.type))
        + ("" if field.nullable else ", not null")
        for field in schema.fields
    }


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Change, ...]:
    names = dict.fromkeys([*after, *before])
    return tuple(Change(name, before.get(name), after.get(name)) for name in names)


def _flat(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return dict(_named(metrics))


def _named(metrics: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, float]]:
    for output, numbers in metrics.items():
        for name, value in numbers.items():
            yield f"{output}.{name}", value
