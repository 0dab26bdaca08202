from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from isthmus_contracts import (
    Column,
    DataflowContract,
    Interval,
    ParamValue,
    Partitioning,
    Table,
)
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake.delta.columns import columns_in
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.diff import (
    Difference,
    FileContent,
    compare,
    diff_accepted,
    diff_releases,
)
from isthmus_platform.lake.releases.manifests import (
    partitions_of,
    replace_partitions,
    write_manifests,
)
from isthmus_platform.lake.releases.models import Release, ReleasedPartition, ReleasedTable
from isthmus_platform.lake.releases.publication import publish

Accept = Callable[..., Accepted]


def test_a_release_does_not_differ_from_itself(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    made = publish(lake, dataflow, accepted(), params={"n": 1}, inputs={})
    assert diff_releases(lake, made, made) == ()


def test_a_metric_that_is_null_is_not_one_that_is_missing(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    made = accepted("first")
    outputs = tuple(
        replace(output, metrics={"auc": None}) if output.name == "quality" else output
        for output in made.outputs
    )
    before = publish(lake, dataflow, replace(made, outputs=outputs), params={}, inputs={})
    assert before.metrics == {"quality": {"auc": None}}
    after = publish(lake, dataflow, accepted("second", auc=0.5), params={}, inputs={})
    (metric,) = [fact for fact in diff_releases(lake, before, after) if fact.kind == "metric"]
    assert metric == Difference("metric", "quality.auc", "null", 0.5)


def test_everything_that_differs_is_returned(
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
    found = diff_releases(lake, before, after)
    digests = [release.files["report"].sha256 for release in (before, after)]
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
            FileContent(8, digests[0]),
            FileContent(9, digests[1]),
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
    found = [
        fact for fact in diff_releases(lake, before, after) if fact.kind in {"contract", "schema"}
    ]
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
    assert diff_releases(lake, made, other) == (Difference("param", "flag", True, value),)


def test_arrays_and_objects_differ_as_a_person_types_them(
    accepted: Accept, lake: Lake, dataflow: DataflowContract
) -> None:
    same: dict[str, ParamValue] = {"same": [1, 2], "by": {"x": 1}}
    made = publish(lake, dataflow, accepted(), params={**same, "flags": [True]}, inputs={})
    other = replace(made, params={**same, "flags": [1]})
    assert diff_releases(lake, made, other) == (Difference("param", "flags", "[true]", "[1]"),)


class TestAccepted:
    def test_before_a_first_release_every_fact_is_new(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted("first", auc=0.5)
        pins = {"flights": Pin("sources/nyc/flights", 4)}
        found = diff_accepted(lake, dataflow, ready, {"origin": "JFK"}, pins, None)
        assert {fact.before for fact in found} == {None}
        report = ready.output("report").files[0]
        after = {(fact.kind, fact.name): fact.after for fact in found}
        assert after["rows", "days"] == 2
        assert after["rows", "carriers"] == 1
        assert after["schema", "carriers.carrier"] == "string, not null"
        assert after["metric", "quality.auc"] == 0.5
        assert after["file", "report"] == FileContent(report.bytes, report.sha256)
        assert after["param", "origin"] == "JFK"
        assert after["input", "flights"] == "sources/nyc/flights version 4"
        assert after["contract", "version"] == "2.1.0"
        assert after["code", "version"] == "abc123"

    def test_unchanged_versions_rows_metrics_and_files_are_included(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted("first")
        pins = {"flights": Pin("sources/nyc/flights", 4)}
        current = publish(lake, dataflow, ready, params={"n": 1}, inputs=pins)
        found = diff_accepted(lake, dataflow, ready, {"n": 1}, pins, current)
        assert [(fact.kind, fact.name) for fact in found] == [
            ("contract", "version"),
            ("code", "version"),
            ("rows", "days"),
            ("rows", "carriers"),
            ("metric", "quality.auc"),
            ("file", "report"),
        ]
        assert all(fact.before == fact.after is not None for fact in found)

    def test_the_differences_are_those_of_the_release_to_come(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        pins = {"flights": Pin("sources/nyc/flights", 4)}
        current = publish(lake, dataflow, accepted("first"), params={"n": 1}, inputs=pins)
        ready = replace(accepted("second", auc=0.75), code_version="def456")
        pins = {"flights": Pin("sources/nyc/flights", 5)}
        found = diff_accepted(lake, dataflow, ready, {"n": True}, pins, current)
        after = publish(lake, dataflow, ready, params={"n": True}, inputs=pins)
        changed = tuple(fact for fact in found if fact.before != fact.after or fact.kind == "param")
        assert changed == diff_releases(lake, current, after)
        assert {fact.kind for fact in changed} == {"code", "param", "input", "metric", "file"}

    def test_a_removed_output_is_a_difference(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        current = publish(lake, dataflow, accepted("first"), params={}, inputs={})
        ready = replace(accepted("second"), outputs=())
        found = diff_accepted(lake, dataflow, ready, {}, {}, current)
        assert Difference("rows", "carriers", 1, None) in found
        assert Difference("schema", "carriers.carrier", "string, not null", None) in found
        assert Difference("metric", "quality.auc", 0.5, None) in found


def counted(run: str, months: Mapping[str, int], interval: Interval | None = None) -> Accepted:
    """Return what a run may have accepted of a table with partitions, as rows by month."""
    files = tuple(
        AcceptedFile(f"{run}-{month}.parquet", 10, "0" * 64, rows, month)
        for month, rows in months.items()
    )
    outputs = (AcceptedOutput("counts", files),)
    return Accepted("counted.v1", "1.0.0", "code", run, outputs, interval=interval)


class TestPartitions:
    CONTRACT = DataflowContract(
        "counted",
        "1.0.0",
        "data-science",
        "Counts.",
        (),
        (
            Table(
                "counts",
                "One row per day.",
                (Column("day", "date", "Day."),),
                partitioning=Partitioning("day", granularity="month"),
            ),
        ),
    )

    @pytest.fixture
    def current(self, lake: Lake) -> Release:
        (table,) = self.CONTRACT.partitioned
        folder = lake.table(self.CONTRACT.identity, "counts")
        days = pa.array([date(2013, month, 1) for month in (1, 2, 3)])
        (file,) = write_table(folder, table, [pa.record_batch({"day": days})])
        version = commit(folder, table, [file], "first")
        partitions = {
            f"2013-{month:02}": ReleasedPartition("first", (replace(file, rows=month),))
            for month in (1, 2, 3)
        }
        partitions["2012-12"] = ReleasedPartition("first", ())
        manifests = write_manifests(lake, folder.key, partitions)
        columns, by = columns_in(table), table.partitioning
        released = ReleasedTable(folder.key, version, 6, columns, manifests, by)
        facts = ("a-1", "counted.v1", "1.0.0", "code", "first", "0", "2013-04-01T00:00:00+00:00")
        return Release(
            *facts, params={}, inputs={}, tables={"counts": released}, files={}, metrics={}
        )

    def rows(self, lake: Lake, accepted: Accepted, current: Release | None) -> set[object]:
        found = diff_accepted(lake, self.CONTRACT, accepted, {}, {}, current)
        return {(fact.name, fact.before, fact.after) for fact in found if fact.kind == "rows"}

    def test_a_run_for_an_interval_changes_its_partitions_alone(
        self, lake: Lake, current: Release
    ) -> None:
        interval = Interval(date(2013, 2, 1), date(2013, 5, 1))
        accepted = counted("second", {"2013-02": 2, "2013-04": 9}, interval)
        assert self.rows(lake, accepted, current) == {
            ("counts 2013-02", 2, 2),
            ("counts 2013-03", 3, 0),
            ("counts 2013-04", None, 9),
        }

    def test_a_run_for_everything_changes_every_partition(
        self, lake: Lake, current: Release
    ) -> None:
        assert self.rows(lake, counted("second", {"2013-01": 1, "2013-02": 5}), current) == {
            ("counts", 6, 6),
            ("counts 2013-01", 1, 1),
            ("counts 2013-02", 2, 5),
            ("counts 2013-03", 3, None),
            ("counts 2012-12", 0, None),
        }

    def test_partitions_are_compared_where_manifests_differ(
        self, lake: Lake, current: Release
    ) -> None:
        table = current.tables["counts"]
        part = partitions_of(lake, table)["2013-01"]
        manifests, _ = replace_partitions(lake, table, ("2013-01", "2013-02"), {"2013-01": part})
        after = replace(current, tables={"counts": replace(table, rows=4, manifests=manifests)})
        (lake.manifests(table.path) / f"{manifests['2012']}.json").remove()  # none reads it
        assert diff_releases(lake, current, after) == (
            Difference("rows", "counts", 6, 4),
            Difference("rows", "counts 2013-02", 2, None),
        )

    def test_a_missing_manifest_is_reported(self, lake: Lake, current: Release) -> None:
        table = current.tables["counts"]
        other = replace(current, tables={"counts": replace(table, manifests={})})
        (lake.manifests(table.path) / f"{table.manifests['2013']}.json").remove()
        with pytest.raises(LakeUnavailableError, match="No such file"):
            diff_releases(lake, current, other)

    def test_a_first_run_for_an_interval_has_its_partitions(self, lake: Lake) -> None:
        interval = Interval(date(2013, 1, 1), date(2013, 3, 1))
        assert self.rows(lake, counted("first", {"2013-02": 5}, interval), None) == {
            ("counts 2013-01", None, 0),
            ("counts 2013-02", None, 5),
        }


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [(1, 1, True), (1, True, False), (1, 1.0, False), (None, 0, False), ("", None, False)],
)
def test_facts_are_the_same_if_value_and_type_are(
    before: object, after: object, same: bool
) -> None:
    found = compare({"param": {"n": before}}, {"param": {"n": after}})
    assert found == (() if same else (Difference("param", "n", before, after),))
    (fact,) = compare({"param": {"n": before}}, {"param": {"n": after}}, unchanged={"param"})
    assert (fact.before, fact.after) == (before, after)
