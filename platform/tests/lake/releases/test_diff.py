from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from isthmus_contracts import Column, DataflowContract
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.diff import Difference, compare
from isthmus_platform.lake.releases.publication import publish

Accept = Callable[..., Accepted]


def test_a_release_does_not_differ_from_itself(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    made = publish(lake, dataflow, accepted(), params={"n": 1}, inputs={})
    assert compare(lake, made, made) == ()


def test_everything_that_differs_is_said(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    before = publish(
        lake,
        dataflow,
        accepted("first", auc=0.5),
        params={"same": 1, "origin": "JFK", "old": True},
        inputs={"flights": Pin("sources/nyc/flights", 4), "same": Pin("x", 1)},
    )
    rows = {
        "origin": ["EWR"],
        "date": [date(2013, 1, 1)],
        "flights": [1],
        "late_share": [0.0],
        "gust": [1.5],
        "is_holiday": [True],
        "updated": [None],
    }
    after = publish(
        lake,
        dataflow,
        replace(accepted("second", auc=0.75, **rows), code_version="def456"),
        params={"same": 1, "origin": "all"},
        inputs={"flights": Pin("sources/nyc/flights", 5, "abc"), "same": Pin("x", 1)},
    )
    found = compare(lake, before, after)
    digests = [release.files["report"].sha256[:12] for release in (before, after)]
    assert found == (
        Difference("code", "version", "abc123", "def456"),
        Difference("param", "origin", "JFK", "all"),
        Difference("param", "old", True, None),
        Difference(
            "input",
            "flights",
            "sources/nyc/flights version 4",
            "sources/nyc/flights version 5 of release abc",
        ),
        Difference("rows", "days", 2, 1),
        Difference("metric", "quality.auc", 0.5, 0.75),
        Difference(
            "file",
            "report",
            f"8 bytes, sha256 {digests[0]}",
            f"9 bytes, sha256 {digests[1]}",
        ),
    )


def test_columns_are_compared_as_they_are_in_the_tables(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    before = publish(lake, dataflow, accepted("first"), params={}, inputs={})
    carriers = dataflow.output("carriers")
    wider = replace(
        carriers,
        columns=(
            Column("carrier", "string", "Airline.", nullable=True),
            Column("seats", "int64", "Seats."),
        ),
    )
    contract = replace(
        dataflow,
        version="2.2.0",
        outputs=tuple(wider if output is carriers else output for output in dataflow.outputs),
    )
    directory = lake.table(dataflow.identity, "carriers")
    batch = pa.record_batch({"carrier": ["AA"], "seats": [1]})
    (file,) = write_table(directory, wider, [batch])
    ready = accepted("second")
    written = AcceptedFile((directory / file.name).key, file.bytes, "0" * 64, 1)
    outputs = tuple(
        replace(output, files=(written,)) if output.name == "carriers" else output
        for output in ready.outputs
    )
    ready = replace(ready, contract_version="2.2.0", outputs=outputs)
    after = publish(lake, contract, ready, params={}, inputs={})
    found = [each for each in compare(lake, before, after) if each.kind in {"contract", "schema"}]
    assert found == [
        Difference("contract", "version", "2.1.0", "2.2.0"),
        Difference("schema", "carriers.carrier", "string, not null", "string"),
        Difference("schema", "carriers.seats", None, "int64, not null"),
    ]


@pytest.mark.parametrize("value", [1, 1.0, "1"])
def test_a_param_of_another_type_differs(
    accepted: Accept, lake: Lake, dataflow: DataflowContract, value: object
) -> None:
    made = publish(lake, dataflow, accepted(), params={"flag": True}, inputs={})
    other = replace(made, params={"flag": value})
    assert compare(lake, made, other) == (Difference("param", "flag", True, value),)


def test_a_table_that_is_not_there_is_said(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    made = publish(lake, dataflow, accepted(), params={}, inputs={})
    shutil.rmtree(lake.table(dataflow.identity, "days").local())
    with pytest.raises(LakeUnavailableError):
        compare(lake, made, made)
