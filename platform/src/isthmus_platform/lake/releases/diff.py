"""What differs between two releases, or between a release and what a run would publish after it.

Both are described in the same way, as facts by kind and name; one function compares descriptions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from isthmus_contracts import DataflowContract, ParamValue, Table, param_text
from isthmus_platform.lake.delta.columns import columns_in
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.manifests import key_of, partitions_of
from isthmus_platform.lake.releases.models import Release

Kind = Literal["contract", "code", "param", "input", "schema", "rows", "metric", "file"]
Description = Mapping[Kind, Mapping[str, object]]
"""What a release consists of, and what it was computed from: facts by kind and name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Say what a fact was before and is after; None means that it is missing."""

    kind: Kind
    name: str
    before: object | None
    after: object | None


@dataclass(frozen=True, slots=True)
class FileContent:
    """Identify the content of a file."""

    bytes: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes, sha256 {self.sha256[:12]}"


def diff_releases(lake: Lake, before: Release, after: Release) -> tuple[Difference, ...]:
    """Return everything that differs between two releases of one dataflow.

    Raise `LakeUnavailableError` if a manifest cannot be read.
    """
    same = _manifests(before) & _manifests(after)
    return compare(describe_release(lake, before, same), describe_release(lake, after, same))


def diff_accepted(  # noqa: PLR0913, PLR0917 - what would be published, and after what
    lake: Lake,
    dataflow: DataflowContract,
    accepted: Accepted,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
    current: Release | None,
) -> tuple[Difference, ...]:
    """Return how a release of the accepted outputs would differ from the current one, if any.

    Versions, rows, metrics and files are returned even if they do not differ. In a run for an
    interval, the rows of partitioned tables are those of the interval's partitions.

    Raise `LakeUnavailableError` if a manifest cannot be read.
    """
    before: dict[Kind, Mapping[str, object]] = {}
    after = describe_accepted(dataflow, accepted, params, inputs)
    if current is not None and accepted.interval is None:
        before.update(describe_release(lake, current))
    elif current is not None:
        partitioned = {table.name for table in dataflow.partitioned}
        keys = {key_of(name.partition(" ")[2]) for name in after["rows"]}
        before.update(describe_release(lake, current, _manifests(current, except_keys=keys)))
        before["rows"] = {
            name: rows
            for name, rows in before["rows"].items()
            if name in after["rows"] or name.partition(" ")[0] not in partitioned
        }
    return compare(before, after, unchanged={"contract", "code", "rows", "metric", "file"})


def compare(
    before: Description, after: Description, unchanged: Collection[Kind] = ()
) -> tuple[Difference, ...]:
    """Return the facts that differ, and those of the kinds in `unchanged` that do not."""
    return tuple(
        Difference(kind, name, old.get(name), new.get(name))
        for kind in dict.fromkeys((*after, *before))
        for old, new in [(before.get(kind, {}), after.get(kind, {}))]
        for name in dict.fromkeys((*old, *new))
        if kind in unchanged or not _is_same(old.get(name), new.get(name))
    )


def describe_release(
    lake: Lake, release: Release, unread: Collection[str] = frozenset()
) -> Description:
    """Describe a release, without the partitions in `unread` manifests.

    Raise `LakeUnavailableError` if a manifest cannot be read.
    """
    rows: dict[str, object] = {}
    schema: dict[str, object] = {}
    for name, table in release.tables.items():
        rows[name] = table.rows
        schema |= _named(name, table.columns)
        if table.partitioning is not None:
            with translated(lake):
                partitions = partitions_of(lake, table, unread)
            rows |= {f"{name} {part}": partition.rows for part, partition in partitions.items()}
    return {
        "contract": {"version": release.contract_version},
        "code": {"version": release.code_version},
        "param": _params(release.params),
        "input": _inputs(release.inputs),
        "schema": schema,
        "rows": rows,
        "metric": _metrics(release.metrics),
        "file": {
            name: FileContent(file.bytes, file.sha256) for name, file in release.files.items()
        },
    }


def _manifests(release: Release, except_keys: Collection[str] = ()) -> frozenset[str]:
    """Return the names of a release's manifests, but for some keys."""
    return frozenset(
        name
        for table in release.tables.values()
        for key, name in table.manifests.items()
        if key not in except_keys
    )


def describe_accepted(
    dataflow: DataflowContract,
    accepted: Accepted,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
) -> Description:
    """Describe the release that accepted outputs would make, as far as the run computed it."""
    rows: dict[str, object] = {}
    schema: dict[str, object] = {}
    files: dict[str, object] = {}
    for output in accepted.outputs:
        contract = dataflow.output(output.name)
        if isinstance(contract, Table):
            rows |= _accepted_rows(contract, accepted, output)
            schema |= _named(output.name, columns_in(contract))
        elif output.files:
            files[output.name] = FileContent(output.files[0].bytes, output.files[0].sha256)
    return {
        "contract": {"version": accepted.contract_version},
        "code": {"version": accepted.code_version},
        "param": _params(params),
        "input": _inputs(inputs),
        "schema": schema,
        "rows": rows,
        "metric": _metrics({output.name: output.metrics or {} for output in accepted.outputs}),
        "file": files,
    }


def _accepted_rows(
    table: Table, accepted: Accepted, output: AcceptedOutput
) -> Iterator[tuple[str, object]]:
    """Yield the rows of a table, unless other partitions stay, and of each partition."""
    if table.partitioning is None or accepted.interval is None:
        yield table.name, sum(file.rows or 0 for file in output.files)
    if table.partitioning is not None:
        expected = table.partitioning.names(accepted.interval) if accepted.interval else ()
        partitions = Counter(dict.fromkeys(expected, 0))
        for file in output.files:
            partitions[file.partition or ""] += file.rows or 0
        for name, rows in sorted(partitions.items()):
            yield f"{table.name} {name}", rows


def _is_same(before: object, after: object) -> bool:
    return (before, type(before)) == (after, type(after))  # True is not 1


def _params(params: Mapping[str, ParamValue]) -> dict[str, object]:
    """Return the params, with lists and dicts as the text that a person types."""
    return {
        name: param_text(value) if isinstance(value, list | dict) else value
        for name, value in params.items()
    }


def _inputs(inputs: Mapping[str, Pin]) -> dict[str, object]:
    return {name: _pinned(pin) for name, pin in inputs.items()}


def _pinned(pin: Pin) -> str:
    version = f"{pin.table} version {pin.version}"
    return f"{version} of release {pin.release}" if pin.release else version


def _metrics(metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, object]:
    # A null is a value here, for None means that a fact is missing.
    return {
        f"{output}.{name}": "null" if value is None else value
        for output, values in metrics.items()
        for name, value in values.items()
    }


def _named(output: str, values: Mapping[str, object]) -> dict[str, object]:
    return {f"{output}.{name}": value for name, value in values.items()}
