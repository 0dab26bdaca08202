"""Dataflows: what a dataflow takes, what it offers, and who answers for it."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import TypeAlias

from isthmus_contracts._bounds import check_bounds
from isthmus_contracts._days import parse_day
from isthmus_contracts._names import check_name, check_unique
from isthmus_contracts.errors import DeclarationError, IntervalError, UnknownNameError
from isthmus_contracts.params import Param
from isthmus_contracts.partitions import Interval
from isthmus_contracts.tables import Table

_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")
INTERVAL_FIELDS = ("interval_start", "interval_end")
"""The names under which a person gives the two days of an interval."""
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """Declare a file as an output: a model, a report, a picture."""

    name: str
    description: str
    suffix: str

    def __post_init__(self) -> None:
        check_name("file", self.name)
        if not _SUFFIX.fullmatch(self.suffix):
            raise DeclarationError(
                f"file {self.name!r} has suffix {self.suffix!r}; expected, for example, '.html'"
            )


@dataclass(frozen=True, slots=True)
class Metric:
    """Declare one number; the bounds are inclusive.

    A `nullable` metric may be None or NaN, which is published as null: an undefined correlation.
    """

    name: str
    description: str
    _: KW_ONLY
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False

    def __post_init__(self) -> None:
        check_name("metric", self.name)
        check_bounds(f"metric {self.name!r}", self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Declare named numbers as an output."""

    name: str
    description: str
    metrics: tuple[Metric, ...]

    def __post_init__(self) -> None:
        check_name("metrics", self.name)
        if not self.metrics:
            raise DeclarationError(f"metrics {self.name!r} have no metrics")
        check_unique(f"metric of {self.name!r}", (metric.name for metric in self.metrics))


Output: TypeAlias = Table | File | Metrics


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """Name a dataflow for ever: two major versions of one name live side by side."""

    name: str
    major: int

    def __str__(self) -> str:
        return f"{self.name}.v{self.major}"


@dataclass(frozen=True, slots=True)
class Input:
    """Declare a table that a dataflow reads.

    `source` is the name of the dataset that the platform ingests, or the identity of the dataflow
    that publishes the table. In a run for an interval, only the rows are read whose value in the
    column `filter_column` lies in the interval; without that column, all are.
    """

    table: Table
    source: str | Identity
    filter_column: str | None = None

    def __post_init__(self) -> None:
        if self.filter_column is not None:
            self.table.check_dated(self.filter_column)

    @property
    def name(self) -> str:
        """Return the table's name, which is the node's name on the other side."""
        return self.table.name


@dataclass(frozen=True, slots=True)
class Dataset:
    """Declare tables that come from outside, in the place of their owner."""

    name: str
    description: str
    owner: str
    tables: tuple[Table, ...]
    version: str = "1.0.0"

    def __post_init__(self) -> None:
        check_name("dataset", self.name)
        _check_version(f"dataset {self.name!r}", self.version)
        if not self.owner:
            raise DeclarationError(f"dataset {self.name!r} has no owner")
        for table in self.tables:
            for promise in ("max_row_change", "partitioning"):
                if (value := getattr(table, promise)) is not None:
                    raise DeclarationError(
                        f"table {table.name!r} of dataset {self.name!r} has {promise} {value}, "
                        "which is for what a dataflow publishes"
                    )
        check_unique(f"table of dataset {self.name!r}", (table.name for table in self.tables))

    def input(self, table: str, filter_column: str | None = None) -> Input:
        """Return the input that reads one of these tables, or raise `UnknownNameError`."""
        for declared in self.tables:
            if declared.name == table:
                return Input(declared, self.name, filter_column)
        raise UnknownNameError(
            "table",
            table,
            (declared.name for declared in self.tables),
            of=f"dataset {self.name!r}",
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Offer a stage boundary; the deployment decides whether the dataflow is split there."""

    name: str
    description: str

    def __post_init__(self) -> None:
        check_name("checkpoint", self.name)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Announce the last day on which a dataflow runs, in UTC, and what takes its place."""

    until: date
    replacement: str

    def __post_init__(self) -> None:
        if type(self.until) is not date:  # a datetime is a date too, and cannot be compared to one
            raise DeclarationError(
                f"a deprecation runs until {self.until!r}; expected, for example, date(2027, 1, 31)"
            )
        if not self.replacement:
            raise DeclarationError("a deprecation does not name a replacement")


@dataclass(frozen=True, slots=True)
class DataflowContract:
    """Declare a dataflow: the whole of what the two teams have agreed on."""

    name: str
    version: str
    owner: str
    description: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    params: tuple[Param, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    deprecation: Deprecation | None = None

    def __post_init__(self) -> None:
        check_name("dataflow", self.name)
        _check_version(f"dataflow {self.name!r}", self.version)
        if not self.owner:
            raise DeclarationError(f"dataflow {self.name!r} has no owner")
        if not self.outputs:
            raise DeclarationError(f"dataflow {self.name!r} has no outputs")
        check_unique(
            f"in dataflow {self.name!r}",
            [
                table_input.name
                for table_input in (*self.inputs, *self.params, *self.outputs, *self.checkpoints)
            ],
        )
        self._check_intervals()

    def _check_intervals(self) -> None:
        for declared in (*self.inputs, *self.params, *self.outputs) if self.partitioned else ():
            if declared.name in INTERVAL_FIELDS:
                raise DeclarationError(
                    f"dataflow {self.name!r} has partitioned outputs, so {declared.name!r} is its "
                    "interval's and cannot be another name"
                )
        for read in self.inputs:
            if read.filter_column and not self.partitioned:
                raise DeclarationError(
                    f"dataflow {self.name!r} reads {read.name!r} within an interval by "
                    f"{read.filter_column!r}, but none of its outputs is partitioned"
                )

    @property
    def partitioned(self) -> tuple[Table, ...]:
        """Return the outputs with partitions; if there are any, it can run for an interval."""
        tables = [output for output in self.outputs if isinstance(output, Table)]
        return tuple(table for table in tables if table.partitioning is not None)

    @property
    def upstream(self) -> tuple[Identity, ...]:
        """Return the dataflows whose outputs it reads, in order."""
        return tuple(sorted({e.source for e in self.inputs if isinstance(e.source, Identity)}))

    @property
    def identity(self) -> Identity:
        """Return the name and major version, under which Airflow and the lake know it."""
        return Identity(self.name, int(self.version.split(".")[0]))

    def output(self, name: str) -> Output:
        """Return the output of that name, or raise `UnknownNameError`."""
        for output in self.outputs:
            if output.name == name:
                return output
        raise UnknownNameError(
            "output",
            name,
            (output.name for output in self.outputs),
            of=f"dataflow {self.name!r}",
        )

    def check_interval(self, interval: Interval) -> None:
        """Raise `IntervalError` if it cannot run for the interval; say which interval would fit."""
        if not self.partitioned:
            raise IntervalError(
                f"dataflow {self.name!r} has no partitioned output, so it runs for no interval"
            )
        for output in self.partitioned:
            if output.partitioning is not None:
                output.partitioning.check(interval)

    def input(self, table: str, filter_column: str | None = None) -> Input:
        """Return the input with which another dataflow reads a table that this one publishes.

        Raise `UnknownNameError` for a name that is not an output, `DeclarationError` for an output
        that is not a table.
        """
        output = self.output(table)
        if not isinstance(output, Table):
            raise DeclarationError(f"output {table!r} of dataflow {self.name!r} is not a table")
        return Input(output, self.identity, filter_column)


def resolve_interval(
    dataflow: DataflowContract, start: str | None, end: str | None
) -> Interval | None:
    """Return the interval that a person gave as two days, from `start` to before `end`.

    It is None, which means everything, if both are. Raise `IntervalError` for one without the
    other, for a text that is not a day, and for an interval for which the dataflow cannot run.
    """
    texts = zip(INTERVAL_FIELDS, (start, end), strict=True)
    given = {name: text for name, text in texts if text is not None}
    if not given:
        return None
    for name in INTERVAL_FIELDS:
        if name not in given:
            (other,) = given
            raise IntervalError(f"{other} is given and {name} is not; give both or neither")
    interval = Interval(*(_day(name, text) for name, text in given.items()))
    dataflow.check_interval(interval)
    return interval


def _day(name: str, text: str) -> date:
    try:
        return parse_day(text)
    except ValueError:
        raise IntervalError(f"{name} is {text!r}; expected a day as in 2013-01-31") from None


def _check_version(what: str, version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise DeclarationError(f"{what} has version {version!r}; expected, for example, '1.0.0'")
