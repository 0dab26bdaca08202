"""The request that a person answers before a release is published."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from isthmus_contracts import DataflowContract
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.diff import Difference, Kind, diff_accepted
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.markdown import grid, literal
from isthmus_platform.runs.pins import Pins

_MAX_TEXT = 200
_MAX_ROWS = 100


def approval_request(
    lake: Lake, dataflow: DataflowContract, accepted: Accepted, pins: Pins, last: Release | None
) -> str:
    """Return the request as Markdown; texts of the dataflow are escaped."""
    head = (
        f"Compared with the current release {last.id} of run {last.run}, from {last.created_at}."
        if last
        else "There is no release yet to compare with."
    )
    found = diff_accepted(lake, dataflow, accepted, pins.params, pins.inputs, last)
    parts: Sequence[tuple[str, str, Collection[Kind]]] = (
        ("Tables", "rows", {"rows"}),
        ("Columns that differ", "column", {"schema"}),
        ("Files", "file", {"file"}),
        ("Metrics", "metric", {"metric"}),
        ("Params that differ", "param", {"param"}),
        ("Inputs that differ", "input", {"input"}),
        ("Versions", "version", {"contract", "code"}),
    )
    warnings = [f"- {literal(warning[:_MAX_TEXT])}" for warning in accepted.warnings]
    return "\n\n".join(
        [
            literal(head),
            "### Warnings",
            "\n".join(warnings) or "None.",
            *(
                f"### {title}\n\n{_grid(head, [fact for fact in found if fact.kind in kinds])}"
                for title, head, kinds in parts
            ),
        ]
    )


def _grid(head: str, facts: Sequence[Difference]) -> str:
    shown = grid(
        (head, "before", "after", "change"),
        (
            (_name(fact), _text(fact.before), _text(fact.after), _change(fact))
            for fact in facts[:_MAX_ROWS]
        ),
    )
    more = len(facts) - _MAX_ROWS
    return f"{shown}\n\nand {more:,} more." if more > 0 else shown


def _name(fact: Difference) -> str:
    return fact.kind if fact.kind in {"contract", "code"} else fact.name


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:_MAX_TEXT]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _change(fact: Difference) -> str:
    match _number(fact.before), _number(fact.after):
        case (int() | float() as before, int() | float() as after) if before not in {0, after}:
            return f"{(after - before) / abs(before):+,.1%}"
    return ""


def _number(value: object) -> float | None:
    """Return a number, or the size of a file; a truth value is neither."""
    size = getattr(value, "bytes", value)
    return size if isinstance(size, int | float) and not isinstance(size, bool) else None
