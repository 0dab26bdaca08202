"""Gates of a publication: the change of row counts that the contract allows, and an approval.

Both compare with the current release, so they are checked again for each attempt to move the
pointer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from isthmus_contracts import DataflowContract, Table
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.manifests import find_partitions
from isthmus_platform.lake.releases.models import Release


@dataclass(frozen=True, slots=True)
class Approval:
    """Name what a person approved: accepted outputs, by digest, and the release before them."""

    digest: str
    against: str | None


def row_counts(
    lake: Lake, dataflow: DataflowContract, accepted: Accepted, last: Release | None
) -> Iterator[tuple[Table, str | None, int | None, int]]:
    """Yield each table, or each partition of the run's interval, with its rows before and after.

    The rows before are None for a table or partition that the last release does not have.
    """
    for output in accepted.outputs:
        table = dataflow.output(output.name)
        if not isinstance(table, Table):
            continue
        before = last.tables.get(table.name) if last else None
        if table.partitioning is None or accepted.interval is None:
            rows = sum(file.rows or 0 for file in output.files)
            yield table, None, before.rows if before else None, rows
            continue
        names = table.partitioning.names(accepted.interval)
        counted = Counter(dict.fromkeys(names, 0))
        for file in output.files:
            counted[file.partition or ""] += file.rows or 0
        old = find_partitions(lake, before, names) if before else {}
        for name in names:
            yield table, name, old[name].rows if name in old else None, counted[name]


def check_row_change(
    lake: Lake, dataflow: DataflowContract, accepted: Accepted, last: Release
) -> None:
    """Raise `PublicationError` for a table whose rows changed by more than the contract allows.

    In a run for an interval, each of its partitions is compared. A new or formerly empty table or
    partition passes.
    """
    limited = {table.name for table in _tables(dataflow) if table.max_row_change is not None}
    outputs = tuple(output for output in accepted.outputs if output.name in limited)
    counts = row_counts(lake, dataflow, replace(accepted, outputs=outputs), last)
    for table, partition, old, rows in counts:
        if table.max_row_change is None or not old:
            continue
        if abs(rows - old) > table.max_row_change * old:
            part = f"partition {partition} of " if partition else ""
            raise PublicationError(
                str(dataflow.identity),
                f"{part}table {table.name!r} has {rows:,} rows, {_relative(rows, old)} than the "
                f"{old:,} of release {last.id}; the contract allows a change of "
                f"{table.max_row_change:.0%}. If the change is right, raise max_row_change in the "
                "contract",
            )


def check_approval(
    dataflow: DataflowContract, accepted: Accepted, approval: Approval, last: str | None
) -> None:
    """Raise `PublicationError` if these outputs, after this release, were not approved."""
    name = str(dataflow.identity)
    if approval.digest != accepted.digest:
        raise PublicationError(
            name, "the outputs have changed since they were approved; clear 'approve' to ask again"
        )
    if approval.against != last:
        raise PublicationError(
            name,
            f"it was approved to follow release {approval.against or 'none'}, and "
            f"{last or 'none'} is current now; clear 'approve' to ask again",
        )


def _tables(dataflow: DataflowContract) -> Iterator[Table]:
    yield from (output for output in dataflow.outputs if isinstance(output, Table))


def _relative(rows: int, old: int) -> str:
    return f"{abs(rows - old) / old:.0%} {'more' if rows > old else 'fewer'}"
