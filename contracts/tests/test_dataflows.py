from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    DeclarationError,
    Deprecation,
    File,
    Identity,
    Input,
    Interval,
    IntervalError,
    Metric,
    Metrics,
    Param,
    Partitioning,
    Table,
    UnknownNameError,
    resolve_interval,
)
from isthmus_contracts.catalog import AIRPORT_DAYS, FLIGHT_DELAYS

RAW = Table("raw", "Raw rows.", (Column("id", "int64", "A number."),))
CLEAN = Table("clean", "Clean rows.", (Column("id", "int64", "A number."),))
REPORT = File("report", "A report.", ".html")
SCORES = Metrics("scores", "Scores.", (Metric("accuracy", "Share.", minimum=0, maximum=1),))
SOURCE = Dataset("source", "A source.", "operations", (RAW,))


DAY = Column("day", "date", "A day.")
MONTHS = Table("months", "By month.", (DAY,), partitioning=Partitioning("day", "month"))
YEARS = Table("years", "By year.", (DAY,), partitioning=Partitioning("day", "year"))
LOG = Table("log", "What was seen.", (DAY, Column("at", "timestamp", "When.", nullable=True)))
ARCHIVE = Dataset("archive", "Logs.", "operations", (LOG,))


def dataflow(**declared: Any) -> DataflowContract:
    fields: dict[str, Any] = {
        "name": "cleaning",
        "version": "2.3.4",
        "owner": "analytics",
        "description": "Cleans.",
        "inputs": (SOURCE.input("raw"),),
        "outputs": (CLEAN, REPORT, SCORES),
    }
    return DataflowContract(**{**fields, **declared})


def test_the_identity_is_the_name_and_the_major_version() -> None:
    assert dataflow().identity == Identity("cleaning", 2)
    assert str(dataflow().identity) == "cleaning.v2"
    assert dataflow(version="0.10.3").identity == Identity("cleaning", 0)


def test_identities_sort_by_number_and_not_by_text() -> None:
    ten, nine = dataflow(version="10.0.0").identity, dataflow(version="9.0.0").identity
    assert sorted([ten, nine]) == [nine, ten]


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-rc1", "1.0.0\n", "1.0.-1", "1٣.0.0"]
)
def test_a_version_has_three_plain_numbers(version: str) -> None:
    message = f"dataflow 'cleaning' has version {version!r}; expected, for example, '1.0.0'"
    with pytest.raises(DeclarationError, match=re.escape(message)):
        dataflow(version=version)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "clean-ing"}, "dataflow is named 'clean-ing'; a name has"),
        ({"owner": ""}, "dataflow 'cleaning' has no owner"),
        ({"outputs": ()}, "dataflow 'cleaning' has no outputs"),
        ({"outputs": (CLEAN, CLEAN)}, "in dataflow 'cleaning' 'clean' is declared twice"),
        ({"outputs": (RAW,)}, "in dataflow 'cleaning' 'raw' is declared twice"),
        ({"params": (Param("raw", "integer", 1, "A."),)}, "'raw' is declared twice"),
        ({"params": (Param("clean", "integer", 1, "A."),)}, "'clean' is declared twice"),
        ({"checkpoints": (Checkpoint("report", "A."),)}, "'report' is declared twice"),
    ],
)
def test_a_dataflow_that_contradicts_itself_is_refused(
    declared: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=re.escape(message)):
        dataflow(**declared)


def test_an_output_is_found_by_name() -> None:
    assert dataflow().output("report") is REPORT
    with pytest.raises(
        UnknownNameError,
        match=r"^unknown output 'x' of dataflow 'cleaning'; known: 'clean', 'report', 'scores'$",
    ):
        dataflow().output("x")


def test_a_published_table_is_an_input_of_another_dataflow() -> None:
    read = dataflow().input("clean")
    assert read == Input(CLEAN, Identity("cleaning", 2))
    assert read.name == "clean"


@pytest.mark.parametrize("output", ["report", "scores"])
def test_what_is_no_table_is_no_input(output: str) -> None:
    message = rf"^output '{output}' of dataflow 'cleaning' is not a table$"
    with pytest.raises(DeclarationError, match=message):
        dataflow().input(output)


def test_an_input_that_is_not_offered_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="unknown output 'x' of dataflow 'cleaning'"):
        dataflow().input("x")
    with pytest.raises(
        UnknownNameError, match=r"^unknown table 'x' of dataset 'source'; known: 'raw'$"
    ):
        SOURCE.input("x")


def test_a_dataset_offers_its_tables_under_its_name() -> None:
    assert SOURCE.input("raw") == Input(RAW, "source")


def test_a_dataset_checks_its_names() -> None:
    with pytest.raises(DeclarationError, match="dataset is named 'My Source'"):
        Dataset("My Source", "A source.", "operations", (RAW,))
    with pytest.raises(DeclarationError, match="table of dataset 'source' 'raw' is declared twice"):
        Dataset("source", "A source.", "operations", (RAW, RAW))
    with pytest.raises(
        DeclarationError, match=r"dataset 'source' has version '1'; expected, for example,"
    ):
        Dataset("source", "A source.", "operations", (RAW,), "1")
    with pytest.raises(DeclarationError, match=r"has max_row_change 0\.5, which is for what"):
        Dataset("source", "A source.", "operations", (replace(RAW, max_row_change=0.5),))
    with pytest.raises(DeclarationError, match="has partitioning month of day, which is for"):
        Dataset("source", "A source.", "operations", (MONTHS,))
    with pytest.raises(DeclarationError, match=r"^dataset 'source' has no owner$"):
        Dataset("source", "A source.", "", (RAW,))


@pytest.mark.parametrize("suffix", ["", "html", ".", ".HTML", "./x", ".tar.gz", ".html\n"])
def test_a_suffix_is_a_dot_and_letters(suffix: str) -> None:
    message = f"file 'report' has suffix {suffix!r}; expected, for example, '.html'"
    with pytest.raises(DeclarationError, match=re.escape(message)):
        File("report", "A report.", suffix)


def test_metrics_name_at_least_one_number_and_each_once() -> None:
    with pytest.raises(DeclarationError, match=r"^metrics 'scores' have no metrics$"):
        Metrics("scores", "Scores.", ())
    one = Metric("accuracy", "Share.")
    with pytest.raises(DeclarationError, match="metric of 'scores' 'accuracy' is declared twice"):
        Metrics("scores", "Scores.", (one, one))


def test_a_metric_keeps_its_bounds_in_order() -> None:
    with pytest.raises(DeclarationError, match=r"^metric 'x' has minimum 1 above maximum 0$"):
        Metric("x", "A number.", minimum=1, maximum=0)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: File("X", "A file.", ".html"), "file is named 'X'"),
        (lambda: Metric("X", "A number."), "metric is named 'X'"),
        (lambda: Metrics("X", "Numbers.", (Metric("x", "A."),)), "metrics is named 'X'"),
        (lambda: Checkpoint("X", "A place."), "checkpoint is named 'X'"),
    ],
)
def test_everything_declared_has_a_plain_name(declare: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(DeclarationError, match=message):
        declare()


@pytest.mark.parametrize("until", ["soon", "2027-01-31", datetime(2027, 1, 31, tzinfo=UTC), None])
def test_a_deprecation_ends_on_a_day(until: Any) -> None:  # noqa: ANN401 - what a person writes
    message = f"a deprecation runs until {until!r}; expected, for example, date(2027, 1, 31)"
    with pytest.raises(DeclarationError, match=re.escape(message)):
        Deprecation(until, "cleaning.v2")


def test_a_deprecation_names_what_to_use_instead() -> None:
    with pytest.raises(DeclarationError, match="does not name a replacement"):
        Deprecation(date(2027, 1, 31), "")


def parted(*outputs: Table) -> DataflowContract:
    return dataflow(
        outputs=outputs or (MONTHS,), inputs=(ARCHIVE.input("log", filter_column="day"),)
    )


def test_a_dataflow_knows_which_others_it_reads() -> None:
    assert FLIGHT_DELAYS.upstream == ()
    twice = replace(
        AIRPORT_DAYS, inputs=tuple(map(FLIGHT_DELAYS.input, ("carrier_scores", "flight_features")))
    )
    assert twice.upstream == (FLIGHT_DELAYS.identity,)


def test_a_dataflow_knows_its_partitioned_outputs() -> None:
    assert dataflow().partitioned == ()
    assert dataflow(outputs=(CLEAN, MONTHS, REPORT, YEARS)).partitioned == (MONTHS, YEARS)


def test_an_input_may_be_read_within_an_interval() -> None:
    assert parted().inputs[0] == Input(LOG, "archive", "day")
    assert ARCHIVE.input("log").filter_column is None
    assert parted().input("months", filter_column="day").filter_column == "day"
    assert parted().input("months").filter_column is None


@pytest.mark.parametrize("filter_column", ["at", "nowhere"])
def test_rows_are_read_within_a_column_in_which_each_has_a_day(filter_column: str) -> None:
    with pytest.raises((DeclarationError, UnknownNameError), match=f"'{filter_column}'"):
        ARCHIVE.input("log", filter_column=filter_column)


def test_nothing_is_read_within_an_interval_where_no_output_is_partitioned() -> None:
    message = (
        "dataflow 'cleaning' reads 'log' within an interval by 'day', "
        "but none of its outputs is partitioned"
    )
    with pytest.raises(DeclarationError, match=f"^{message}$"):
        dataflow(inputs=(ARCHIVE.input("log", filter_column="day"),))


@pytest.mark.parametrize("name", ["interval_start", "interval_end"])
@pytest.mark.parametrize("kind", ["inputs", "params", "outputs"])
def test_the_names_of_an_interval_are_taken_where_there_is_one(kind: str, name: str) -> None:
    declared: dict[str, Any] = {
        "inputs": (Input(replace(RAW, name=name), "source"),),
        "params": (Param(name, "integer", 1, "A."),),
        "outputs": (MONTHS, replace(CLEAN, name=name)),
    }
    message = f"dataflow 'cleaning' has partitioned outputs, so '{name}' is its interval's"
    with pytest.raises(DeclarationError, match=message):
        dataflow(**{"outputs": (MONTHS,), kind: declared[kind]})
    assert dataflow(params=declared["params"]).params[0].name == name


def test_two_days_make_an_interval_and_nothing_makes_none() -> None:
    expected = Interval(date(2012, 12, 1), date(2013, 2, 1))
    assert resolve_interval(parted(), "2012-12-01", "2013-02-01") == expected
    assert resolve_interval(parted(), None, None) is None
    assert resolve_interval(dataflow(), None, None) is None


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2013-01-01", None, "interval_start is given and interval_end is not; give both or neit"),
        (None, "2013-01-01", "interval_end is given and interval_start is not; give both or neit"),
        ("soon", "2013-02-01", "interval_start is 'soon'; expected a day as in 2013-01-31"),
        ("2013-01-01", "", "interval_end is ''; expected a day as in 2013-01-31"),
        ("2013-01-01", "20130201", "interval_end is '20130201'; expected a day as in 2013-"),
        ("2013-02-01", "2013-01-01", "the interval starts on 2013-02-01 and ends before 2013-01-"),
        ("2013-01-01", "2013-02-02", "the interval from 2013-01-01 to before 2013-02-02 cuts the"),
    ],
)
def test_what_is_no_interval_of_the_dataflow_is_refused(
    start: str | None, end: str | None, message: str
) -> None:
    with pytest.raises(IntervalError, match=f"^{re.escape(message)}"):
        resolve_interval(parted(), start, end)


def test_an_interval_cuts_no_partition_of_any_output() -> None:
    assert resolve_interval(parted(MONTHS), "2013-01-01", "2013-02-01")
    for outputs in ((MONTHS, YEARS), (YEARS, MONTHS)):
        with pytest.raises(IntervalError, match="cuts the year 2013"):
            resolve_interval(parted(*outputs), "2013-01-01", "2013-02-01")


def test_a_dataflow_without_partitions_runs_for_no_interval() -> None:
    message = "^dataflow 'cleaning' has no partitioned output, so it runs for no interval$"
    with pytest.raises(IntervalError, match=message):
        resolve_interval(dataflow(), "2013-01-01", "2013-02-01")
    with pytest.raises(IntervalError, match=message):
        dataflow().check_interval(Interval(date(2013, 1, 1), date(2013, 2, 1)))
