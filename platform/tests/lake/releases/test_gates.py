"""What is refused at publication; what acceptance refuses is in test_acceptance."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from isthmus_contracts import DataflowContract, Output, Table
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.gates import Approval, row_counts
from isthmus_platform.lake.releases.models import document_of
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current, releases
from isthmus_platform.lake.releases.rollback import roll_back

Accept = Callable[..., Accepted]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def changed(dataflow: DataflowContract, name: str, **changes: Any) -> DataflowContract:
    """Return the dataflow with one output declared otherwise."""

    def change(output: Output) -> Output:
        return replace(output, **changes) if output.name == name else output

    return replace(dataflow, outputs=tuple(change(output) for output in dataflow.outputs))


def many(rows: int) -> dict[str, list[object]]:
    return {
        "origin": ["EWR"] * rows,
        "date": [date.fromordinal(735_000 + index) for index in range(rows)],
        "flights": [3] * rows,
        "late_share": [0.0] * rows,
        "gust": [None] * rows,
        "is_holiday": [True] * rows,
        "updated": [None] * rows,
    }


@pytest.fixture
def half(dataflow: DataflowContract) -> DataflowContract:
    return changed(dataflow, "days", max_row_change=0.5)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (4, "table 'days' has 4 rows, 60% fewer than the 10 of release "),
        (16, "table 'days' has 16 rows, 60% more than the 10 of release "),
    ],
)
def test_a_row_change_above_the_declared_share_is_refused(
    lake: Lake, half: DataflowContract, accepted: Accept, rows: int, words: str
) -> None:
    first = publish(lake, half, accepted("first", **many(10)), params={}, inputs={})
    second = accepted("second", **many(rows))
    with pytest.raises(PublicationError) as refusal:
        publish(lake, half, second, params={}, inputs={})
    assert str(refusal.value) == (
        f"dataflow 'delays.v2' cannot be published: {words}{first.id}; the contract allows a "
        "change of 50%. If the change is right, raise max_row_change in the contract"
    )
    assert current(lake, half.identity) == first
    assert len(releases(lake, half.identity)) == 1
    assert len(lake.releases(half.identity).names()) == 1


@pytest.mark.parametrize("rows", [5, 15])
def test_a_volume_at_the_edge_is_published(
    lake: Lake, half: DataflowContract, accepted: Accept, rows: int
) -> None:
    publish(lake, half, accepted("first", **many(10)), params={}, inputs={})
    second = publish(lake, half, accepted("second", **many(rows)), params={}, inputs={})
    assert current(lake, half.identity) == second


def test_the_last_release_is_the_current_one(
    lake: Lake, dataflow: DataflowContract, half: DataflowContract, accepted: Accept
) -> None:
    first = publish(lake, dataflow, accepted("first", **many(10)), params={}, inputs={})
    publish(lake, dataflow, accepted("second", **many(2)), params={}, inputs={})
    roll_back(lake, dataflow.identity, first.id, by="someone")
    third = publish(lake, half, accepted("third", **many(12)), params={}, inputs={})
    assert current(lake, half.identity) == third


def test_publishing_twice_changes_no_row_count(
    lake: Lake, dataflow: DataflowContract, half: DataflowContract, accepted: Accept
) -> None:
    first = accepted("first", **many(10))
    once = publish(lake, half, first, params={}, inputs={})
    second = publish(lake, dataflow, accepted("second", **many(2)), params={}, inputs={})
    assert publish(lake, half, first, params={}, inputs={}) == once
    assert current(lake, half.identity) == second


def test_an_empty_release_is_not_compared_with(
    lake: Lake,
    half: DataflowContract,
    stage: Callable[..., Any],
    batch: Callable[..., pa.RecordBatch],
    encoder: LocalEncoder,
) -> None:
    half = changed(half, "days", min_rows=0)
    none = batch().slice(0, 0)
    staged = stage("empty", **dict(zip(none.schema.names, none.columns, strict=True)))
    empty = accept(half, staged.request, staged.result, lake, encoder)
    publish(lake, half, empty, params={}, inputs={})
    staged = stage("second", **many(10))
    second = accept(half, staged.request, staged.result, lake, encoder)
    assert publish(lake, half, second, params={}, inputs={}).tables["days"].rows == 10


@on_both
def test_after_a_conflict_rows_are_compared_with_the_new_current_release(
    lake: Lake, half: DataflowContract, accepted: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, half, accepted("first", **many(10)), params={}, inputs={})
    slow, fast = accepted("slow", **many(6)), accepted("fast", **many(14))
    check = publication._check_files

    def conflicting(*args: Any) -> Any:  # noqa: ANN401 - whatever it is called with
        monkeypatch.setattr(publication, "_check_files", check)
        publish(lake, half, fast, params={}, inputs={})
        return check(*args)

    monkeypatch.setattr(publication, "_check_files", conflicting)
    with pytest.raises(PublicationError, match="has 6 rows, 57% fewer than the 14"):
        publish(lake, half, slow, params={}, inputs={})
    now = current(lake, half.identity)
    assert now is not None
    assert now.run == "fast"


@on_both
def test_an_accepted_file_that_was_cut_short_is_refused(
    lake: Lake, dataflow: DataflowContract, accepted: Accept
) -> None:
    first = accepted("first")
    place = lake.path(first.outputs[2].files[0].path)
    place.remove()
    lake.store.create(place.key, b"<p>")
    with pytest.raises(PublicationError, match=r"has 3 bytes; accepted were 8"):
        publish(lake, dataflow, first, params={}, inputs={})
    assert current(lake, dataflow.identity) is None


@on_both
def test_what_was_approved_is_published(
    lake: Lake, dataflow: DataflowContract, accepted: Accept
) -> None:
    first = accepted("first")
    released = publish(
        lake, dataflow, first, params={}, inputs={}, approval=Approval(first.digest, None)
    )
    second = accepted("second")
    approval = Approval(second.digest, released.id)
    twice = [publish(lake, dataflow, second, params={}, inputs={}, approval=approval) for _ in "12"]
    assert twice[0] == twice[1] == current(lake, dataflow.identity)


@pytest.mark.parametrize(
    ("approval", "words"),
    [
        (Approval("other", None), "the outputs have changed since they were approved"),
        (
            Approval("", "abc"),
            "it was approved to follow release abc, and none is current now; clear 'approve'",
        ),
    ],
)
def test_what_was_not_approved_is_refused(
    lake: Lake, dataflow: DataflowContract, accepted: Accept, approval: Approval, words: str
) -> None:
    first = accepted("first")
    approval = replace(approval, digest=approval.digest or first.digest)
    with pytest.raises(PublicationError, match=words):
        publish(lake, dataflow, first, params={}, inputs={}, approval=approval)
    assert current(lake, dataflow.identity) is None


def test_warnings_are_published_with_the_release(
    lake: Lake,
    dataflow: DataflowContract,
    days: Table,
    stage: Callable[..., Any],
    encoder: LocalEncoder,
) -> None:
    columns = tuple(
        replace(column, warn_maximum=3) if column.name == "flights" else column
        for column in days.columns
    )
    unusual = changed(dataflow, "days", columns=columns)
    staged = stage("first")
    accepted_outputs = accept(unusual, staged.request, staged.result, lake, encoder)
    warning = (
        "table 'days': column 'flights' has 1 value above 3 (the largest is 4); "
        "the contract says usually at most 3"
    )
    assert accepted_outputs.warnings == (warning,)
    found = [
        (table.name, before, after)
        for table, _, before, after in row_counts(lake, unusual, accepted_outputs, None)
    ]
    assert found == [("days", None, 2), ("carriers", None, 1)]
    assert publish(lake, unusual, accepted_outputs, params={}, inputs={}).warnings == (warning,)
    now = current(lake, dataflow.identity)
    assert now is not None
    assert now.warnings == (warning,)


def test_a_release_from_before_there_were_warnings_can_be_read(
    lake: Lake, dataflow: DataflowContract, accepted: Accept
) -> None:
    first = publish(lake, dataflow, accepted("first"), params={}, inputs={})
    path = document_of(lake, dataflow.identity, first.id).local()
    plain = json.loads(path.read_text())
    assert plain.pop("warnings") == []
    path.write_text(json.dumps(plain))
    assert current(lake, dataflow.identity) == first
