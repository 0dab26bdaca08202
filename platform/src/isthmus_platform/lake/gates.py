"""What a publication must pass: the volume that the contract allows, and a person's approval.

Both compare with the current release, so they are asked again for each attempt to move the pointer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus_contracts import Dataflow, Table
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.acceptance import Accepted


@dataclass(frozen=True, slots=True)
class Approval:
    """Say what a person was shown: the digest of what was accepted, and the release before it."""

    digest: str
    against: str | None


def rows_of(accepted: Accepted) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {
        output.name: sum(each.rows or 0 for each in output.files)
        for output in accepted.outputs
        if any(each.rows is not None for each in output.files)
    }


def check_volume(
    dataflow: Dataflow, accepted: Accepted, last: str, before: Mapping[str, int]
) -> None:
    """Raise `PublicationError` for a table whose rows changed by more than the contract allows.

    `before` holds the rows of the tables of release `last`. A table that was not there, or empty,
    has nothing to be compared with.
    """
    for name, rows in rows_of(accepted).items():
        contract, old = dataflow.output(name), before.get(name, 0)
        if not isinstance(contract, Table) or contract.max_change is None or not old:
            continue
        if abs(rows - old) > contract.max_change * old:
            raise PublicationError(
                str(dataflow.identity),
                f"table {name!r} has {rows:,} rows, {_change(rows, old)} than the {old:,} of "
                f"release {last}; the contract allows a change of {contract.max_change:.0%}. "
                "If the change is right, raise max_change in the contract",
            )


def check_approval(
    dataflow: Dataflow, accepted: Accepted, approval: Approval, last: str | None
) -> None:
    """Raise `PublicationError` if what was approved is not what would be published now."""
    name = str(dataflow.identity)
    if approval.digest != accepted.digest:
        raise PublicationError(
            name, "the outputs have changed since they were approved; clear 'approve' to ask again"
        )
    if approval.against != last:
        raise PublicationError(
            name,
            f"it was approved as following release {approval.against or 'none'}, and "
            f"{last or 'none'} is current now; clear 'approve' to ask again",
        )


def _change(rows: int, old: int) -> str:
    return f"{abs(rows - old) / old:.0%} {'more' if rows > old else 'fewer'}"
