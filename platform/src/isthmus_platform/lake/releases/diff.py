"""What differs between two releases of one dataflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from isthmus_platform.lake.delta.columns import columns_of
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release, ReleasedFile

Kind = Literal["contract", "code", "param", "input", "schema", "rows", "metric", "file"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Say what a thing was in one release and is in another, None where it is missing."""

    kind: Kind
    name: str
    before: object | None
    after: object | None


def compare(lake: Lake, before: Release, after: Release) -> tuple[Difference, ...]:
    """Return everything that differs from `before` to `after`, what it was made from first.

    A file differs if its content does. Raise `LakeUnavailableError` if a table cannot be read.
    """
    pairs: tuple[tuple[Kind, Mapping[str, object], Mapping[str, object]], ...] = (
        (
            "contract",
            {"version": before.contract_version},
            {"version": after.contract_version},
        ),
        ("code", {"version": before.code_version}, {"version": after.code_version}),
        ("param", before.params, after.params),
        ("input", _inputs(before), _inputs(after)),
        ("schema", _schema(lake, before), _schema(lake, after)),
        ("rows", _rows(before), _rows(after)),
        ("metric", _metrics(before), _metrics(after)),
        ("file", _files(before), _files(after)),
    )
    return tuple(
        difference for kind, old, new in pairs for difference in _differences(kind, old, new)
    )


def _differences(
    kind: Kind, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[Difference]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if (before, type(before)) != (after, type(after)):  # True is no 1
            yield Difference(kind, name, before, after)


def _inputs(release: Release) -> dict[str, object]:
    return {name: _pinned(pin) for name, pin in release.inputs.items()}


def _pinned(pin: Pin) -> str:
    version = f"{pin.table} version {pin.version}"
    return f"{version} of release {pin.release}" if pin.release else version


def _schema(lake: Lake, release: Release) -> dict[str, object]:
    with translated(lake):
        return {
            f"{name}.{column}": kind
            for name, table in release.tables.items()
            for column, kind in columns_of(lake.path(table.path), table.version).items()
        }


def _rows(release: Release) -> dict[str, object]:
    rows: dict[str, object] = {}
    for name, table in release.tables.items():
        rows[name] = table.rows
        rows |= {f"{name} {part}": partition.rows for part, partition in table.partitions.items()}
    return rows


def _metrics(release: Release) -> dict[str, object]:
    return {
        f"{name}.{metric}": value
        for name, numbers in release.metrics.items()
        for metric, value in numbers.items()
    }


def _files(release: Release) -> dict[str, object]:
    return {name: _content(file) for name, file in release.files.items()}


def _content(file: ReleasedFile) -> str:
    return f"{file.bytes:,} bytes, sha256 {file.sha256[:12]}"
