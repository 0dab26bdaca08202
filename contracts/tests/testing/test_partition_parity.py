from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import pytest

from isthmus_contracts import Column, DataflowContract, File, Interval, Partitioning, Table
from isthmus_contracts.protocol import StagedFile, StagedOutput
from isthmus_contracts.testing.partition_parity import check_parts

Content: TypeAlias = Mapping[str, Mapping[str, str]]

DAY = Column("day", "date", "Day.")
FLOW = DataflowContract(
    "flow",
    "1.0.0",
    "analytics",
    "By parts.",
    inputs=(),
    outputs=(
        Table("months", "By month.", (DAY,), partitioning=Partitioning("day", "month")),
        Table("years", "By year.", (DAY,), partitioning=Partitioning("day", "year")),
        File("report", "A report.", ".txt"),
    ),
)
GOOD: Content = {
    "months": {"2011-12": "a", "2012-01": "b", "2012-12": "c", "2014-01": "d"},
    "years": {"2011": "e", "2012": "f", "2014": "g"},
}


def staged(content: Content, interval: Interval | None) -> Iterable[StagedOutput]:
    """Yield the parts of an interval, and a report that is another each time."""
    for table in FLOW.partitioned:
        by = table.partitioning
        assert by is not None
        parts = content[table.name]
        names = parts if interval is None else by.names(interval)
        files = tuple(
            StagedFile(
                f"{table.name}/{name}.arrows",
                1,
                hashlib.sha256(parts[name].encode()).hexdigest(),
                1,
                name,
            )
            for name in names
            if name in parts
        )
        yield StagedOutput(table.name, files)
    yield StagedOutput("report", (StagedFile("report.txt", 1, str(interval)),))


def changed(table: str, **parts: str) -> Content:
    return {
        **GOOD,
        table: {**GOOD[table], **{name[1:].replace("_", "-"): parts[name] for name in parts}},
    }


def test_a_dataflow_that_computes_the_same_by_parts_passes() -> None:
    asked: list[Interval | None] = []

    def stage(interval: Interval | None) -> Iterable[StagedOutput]:
        asked.append(interval)
        return staged(GOOD, interval)

    check_parts(FLOW, stage)
    assert [str(interval) for interval in asked] == [
        "None",
        "2011-01-01 to before 2012-01-01",  # a month would cut a year
        "2012-01-01 to before 2013-01-01",
        "2014-01-01 to before 2015-01-01",
        "2011-01-01 to before 2015-01-01",  # over the year that has no rows
    ]


@pytest.mark.parametrize(
    ("by_parts", "table", "name", "interval"),
    [
        (changed("months", _2012_12="x"), "months", "2012-12", "2012-01-01 to before 2013-01-01"),
        (changed("months", _2012_07="x"), "months", "2012-07", "2012-01-01 to before 2013-01-01"),
        (changed("years", _2014="x"), "years", "2014", "2014-01-01 to before 2015-01-01"),
        (changed("years", _2013="x"), "years", "2013", "2011-01-01 to before 2015-01-01"),
        ({**GOOD, "years": {}}, "years", "2011", "2011-01-01 to before 2012-01-01"),
    ],
)
def test_a_part_that_differs_is_found(
    by_parts: Content, table: str, name: str, interval: str
) -> None:
    def stage(interval: Interval | None) -> Iterable[StagedOutput]:
        return staged(GOOD if interval is None else by_parts, interval)

    message = (
        f"partition {name!r} of table {table!r} differs between a run for everything and one for "
        f"{interval}"
    )
    with pytest.raises(AssertionError, match=f"^{re.escape(message)}$"):
        check_parts(FLOW, stage)


def test_a_run_that_stages_more_than_its_interval_is_found() -> None:
    stage: Callable[[Interval | None], Iterable[StagedOutput]] = lambda _: staged(GOOD, None)  # noqa: E731
    with pytest.raises(AssertionError, match="'2012-01' of table 'months' differs"):
        check_parts(FLOW, stage)


@pytest.mark.parametrize("years", [{}, {"2011": "e"}])
def test_one_part_shows_nothing(years: Mapping[str, str]) -> None:
    few = {"months": {}, "years": years}
    message = f"^there are {len(years)} parts to compute; two are needed at least$"
    with pytest.raises(AssertionError, match=message):
        check_parts(FLOW, lambda interval: staged(few, interval))
