from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Metric,
    Metrics,
    Output,
    Param,
    Partitioning,
    Table,
)
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.compatibility import LEVELS, RULES, Effect, Level, Rule, Side, compare
from isthmus_contracts.tools.compatibility.rules import EFFECTS

TODAY = date(2027, 1, 31)
ENDED, RUNNING = date(2027, 1, 30), TODAY

ID = Column("id", "int64", "A number.", minimum=0, maximum=9)
SIZE = Column("size", "string", "How large.", choices=("s", "m"))
SPEED = Column("speed", "float64", "How fast.", unit="km/h", nullable=True)
ROWS = Table("rows", "Rows.", (ID, SIZE, SPEED), key=("id",), min_rows=2)


def columns(*changed: Column, key: tuple[str, ...] = ("id",)) -> Table:
    return replace(ROWS, columns=changed, key=key)


WIDE = columns(replace(ID, maximum=10), SIZE, SPEED)
MANY = columns(ID, replace(SIZE, choices=("s", "m", "l")), SPEED)
FULL = columns(ID, SIZE, replace(SPEED, nullable=False))
MORE = columns(ID, SIZE, SPEED, Column("seen", "date", "When."))
KEYLESS = replace(ROWS, key=())

# Each is (rule, old, new): once as a table of a dataset, once as an output of a dataflow.
OF_TABLES: list[tuple[str, Table, Table]] = [
    ("column-added", ROWS, MORE),
    ("column-dropped", MORE, ROWS),
    ("column-renamed", ROWS, columns(ID, replace(SIZE, name="extent"), SPEED)),
    ("column-renamed", ROWS, columns(replace(ID, name="number"), SIZE, SPEED, key=("number",))),
    ("column-retyped", ROWS, columns(replace(ID, type="float64"), SIZE, SPEED)),
    ("column-made-nullable", FULL, ROWS),
    ("column-made-not-null", ROWS, FULL),
    ("column-made-inexact", ROWS, columns(ID, SIZE, replace(SPEED, inexact=True))),
    ("column-made-exact", columns(ID, SIZE, replace(SPEED, inexact=True)), ROWS),
    ("column-unit-changed", ROWS, columns(ID, SIZE, replace(SPEED, unit="m/s"))),
    ("column-unit-changed", ROWS, columns(ID, SIZE, replace(SPEED, unit=None))),
    ("column-range-widened", ROWS, WIDE),
    ("column-range-widened", ROWS, columns(replace(ID, minimum=None), SIZE, SPEED)),
    ("column-range-narrowed", WIDE, ROWS),
    ("column-range-narrowed", ROWS, columns(ID, SIZE, replace(SPEED, minimum=0))),
    ("column-choices-added", ROWS, MANY),
    ("column-choices-added", ROWS, columns(ID, replace(SIZE, choices=()), SPEED)),
    ("column-choices-removed", MANY, ROWS),
    ("column-choices-removed", columns(ID, replace(SIZE, choices=()), SPEED), ROWS),
    ("key-added", KEYLESS, ROWS),
    ("key-changed", ROWS, KEYLESS),
    ("key-changed", ROWS, replace(ROWS, key=("id", "size"))),
    ("min-rows-lowered", ROWS, replace(ROWS, min_rows=1)),
    ("min-rows-raised", ROWS, replace(ROWS, min_rows=3)),
    ("column-warnings-changed", ROWS, columns(ID, SIZE, replace(SPEED, warn_maximum=130))),
    ("column-warnings-changed", ROWS, columns(ID, SIZE, replace(SPEED, warn_nulls=0.1))),
    ("order-changed", ROWS, columns(SIZE, ID, SPEED)),
    ("order-changed", ROWS, columns(ID, replace(SIZE, choices=("m", "s")), SPEED)),
    (
        "order-changed",
        replace(ROWS, key=("size", "id")),
        replace(ROWS, key=("id", "size")),
    ),
    ("description-changed", ROWS, replace(ROWS, description="Many rows.")),
    ("description-changed", ROWS, columns(ID, SIZE, replace(SPEED, description="Pace."))),
]
STEADY = replace(ROWS, max_row_change=0.5)
BARE = replace(MORE, key=())
MONTHLY = replace(BARE, partitioning=Partitioning("seen", "month"))
DAILY = replace(BARE, partitioning=Partitioning("seen", "day"))
RENAMED = replace(
    MONTHLY,
    columns=(*ROWS.columns, Column("at", "date", "When.")),
    partitioning=Partitioning("at", "month"),
)
OF_PUBLISHED: list[tuple[str, Table, Table]] = [
    ("max-row-change-raised", STEADY, replace(ROWS, max_row_change=0.6)),
    ("max-row-change-raised", STEADY, ROWS),
    ("max-row-change-lowered", ROWS, STEADY),
    ("partitioning-added", BARE, MONTHLY),
    ("partitioning-removed", MONTHLY, BARE),
    ("partitioning-changed", MONTHLY, DAILY),
    ("column-renamed", MONTHLY, RENAMED),
]

SOURCE = Dataset("source", "A source.", "operations", (ROWS,))
OTHER = Dataset("other", "Another.", "operations", (replace(ROWS, name="others"), ROWS))
DAYS = Param("days", "integer", 3, "How many.", minimum=1, maximum=5)
KIND = Param("kind", "string", "a", "Which.", choices=("a", "b"))
LIST = Param("list", "array", [1], "Which.", of="integer", minimum=1, maximum=5)
SCORE = Metric("score", "How good.", minimum=0, maximum=1)
ERROR = Metric("error", "How bad.")
REPORT = File("report", "A report.", ".html")
SCORES = Metrics("scores", "Scores.", (SCORE, ERROR))
UNDEFINED = replace(SCORES, metrics=(SCORE, replace(ERROR, nullable=True)))
JOINED, SPLIT = Checkpoint("joined", "All in one."), Checkpoint("split", "One in all.")
FLOW = DataflowContract(
    name="flow",
    version="1.0.0",
    owner="analytics",
    description="Flows.",
    inputs=(SOURCE.input("rows"), OTHER.input("others")),
    outputs=(REPORT, SCORES),
    params=(DAYS, KIND),
    checkpoints=(JOINED, SPLIT),
)
RAW = FLOW.inputs[0]


READ_TOO = (*MORE.columns, Column("read", "date", "Read."))
LOG = replace(BARE, name="log", columns=READ_TOO)
SEEN = Dataset("seen", "What was seen.", "operations", (LOG,))


def within(column: str | None) -> DataflowContract:
    return replace(FLOW, inputs=(SEEN.input("log", column),), outputs=(MONTHLY,))


def outputs(*changed: Output) -> DataflowContract:
    return replace(FLOW, outputs=changed)


def params(*changed: Param) -> DataflowContract:
    return replace(FLOW, params=changed)


def until(day: date, replacement: str = "flow.v2") -> DataflowContract:
    return replace(FLOW, deprecation=Deprecation(day, replacement))


TWO = replace(FLOW, version="2.0.0")

# Each is (rule, side, old, new); a dataflow stands for the catalog that has it and both datasets.
OF_DATAFLOWS: list[tuple[str, Side, tuple[DataflowContract, ...], tuple[DataflowContract, ...]]] = [
    ("dataflow-added", "output", (), (FLOW,)),
    ("dataflow-added", "output", (FLOW,), (FLOW, TWO)),
    ("dataflow-dropped", "output", (FLOW,), ()),
    ("dataflow-dropped", "output", (FLOW, TWO), (TWO,)),
    ("dataflow-dropped", "output", (until(RUNNING),), ()),
    ("dataflow-retired", "output", (until(ENDED),), ()),
    ("dataflow-retired", "output", (until(ENDED), TWO), (TWO,)),
    ("dataflow-replaced", "output", (FLOW,), (TWO,)),
    ("dataflow-replaced", "output", (TWO,), (FLOW,)),
    ("deprecated", "output", (FLOW,), (until(RUNNING),)),
    ("deprecation-brought-forward", "output", (until(RUNNING),), (until(ENDED),)),
    ("deprecation-postponed", "output", (until(ENDED),), (until(RUNNING),)),
    ("deprecation-withdrawn", "output", (until(RUNNING),), (FLOW,)),
]
OF_PARTS: list[tuple[str, Side, DataflowContract, DataflowContract]] = [
    ("owner-changed", "output", FLOW, replace(FLOW, owner="sales")),
    ("description-changed", "output", FLOW, replace(FLOW, description="It flows.")),
    ("description-changed", "output", until(ENDED), until(ENDED, "nothing")),
    ("description-changed", "output", FLOW, outputs(replace(REPORT, description="R."), SCORES)),
    ("description-changed", "output", FLOW, outputs(REPORT, replace(SCORES, description="S."))),
    (
        "description-changed",
        "output",
        FLOW,
        outputs(REPORT, replace(SCORES, metrics=(SCORE, replace(ERROR, description="E.")))),
    ),
    (
        "description-changed",
        "output",
        FLOW,
        replace(FLOW, checkpoints=(replace(JOINED, description="J."), SPLIT)),
    ),
    ("description-changed", "input", FLOW, params(replace(DAYS, description="D."), KIND)),
    ("order-changed", "output", FLOW, outputs(SCORES, REPORT)),
    ("order-changed", "output", FLOW, replace(FLOW, checkpoints=(SPLIT, JOINED))),
    ("order-changed", "output", FLOW, outputs(REPORT, replace(SCORES, metrics=(ERROR, SCORE)))),
    ("order-changed", "input", FLOW, params(KIND, DAYS)),
    ("order-changed", "input", FLOW, replace(FLOW, inputs=FLOW.inputs[::-1])),
    ("input-added", "input", replace(FLOW, inputs=(RAW,)), FLOW),
    ("input-dropped", "input", FLOW, replace(FLOW, inputs=(RAW,))),
    (
        "input-source-changed",
        "input",
        FLOW,
        replace(FLOW, inputs=(OTHER.input("rows"), FLOW.inputs[1])),
    ),
    ("filter-column-added", "input", within(None), within("seen")),
    ("filter-column-removed", "input", within("seen"), within(None)),
    ("filter-column-changed", "input", within("seen"), within("read")),
    ("param-added", "input", params(DAYS), FLOW),
    ("param-dropped", "input", FLOW, params(DAYS)),
    ("param-retyped", "input", FLOW, params(replace(DAYS, type="number"), KIND)),
    ("param-retyped", "input", params(LIST), params(replace(LIST, of="number"))),
    ("param-narrowed", "input", params(LIST), params(replace(LIST, maximum=4))),
    ("param-widened", "input", params(LIST), params(replace(LIST, maximum=6))),
    ("param-narrowed", "input", params(LIST), params(replace(LIST, choices=(1, 3, 4)))),
    ("param-restated", "input", params(LIST), params(replace(LIST, choices=(1, 2, 3, 4, 5)))),
    ("param-default-changed", "input", params(LIST), params(replace(LIST, default=[1, 3]))),
    ("param-narrowed", "input", FLOW, params(replace(DAYS, maximum=4), KIND)),
    ("param-narrowed", "input", FLOW, params(replace(DAYS, choices=(1, 3)), KIND)),
    ("param-narrowed", "input", FLOW, params(replace(DAYS, choices=(3,), maximum=4), KIND)),
    ("param-narrowed", "input", FLOW, params(DAYS, replace(KIND, choices=("a",)))),
    ("param-widened", "input", FLOW, params(replace(DAYS, minimum=None), KIND)),
    ("param-widened", "input", FLOW, params(replace(DAYS, maximum=9), KIND)),
    ("param-widened", "input", FLOW, params(DAYS, replace(KIND, choices=()))),
    ("param-restated", "input", FLOW, params(DAYS, replace(KIND, choices=("b", "a")))),
    ("param-restated", "input", FLOW, params(replace(DAYS, choices=(1, 2, 3, 4, 5)), KIND)),
    ("param-default-changed", "input", FLOW, params(replace(DAYS, default=4), KIND)),
    ("checkpoint-added", "output", replace(FLOW, checkpoints=(JOINED,)), FLOW),
    ("checkpoint-withdrawn", "output", FLOW, replace(FLOW, checkpoints=(JOINED,))),
    ("output-added", "output", outputs(REPORT), FLOW),
    ("output-dropped", "output", FLOW, outputs(REPORT)),
    ("output-kind-changed", "output", FLOW, outputs(replace(SCORES, name="report"), SCORES)),
    ("file-suffix-changed", "output", FLOW, outputs(replace(REPORT, suffix=".pdf"), SCORES)),
    ("metric-added", "output", outputs(REPORT, replace(SCORES, metrics=(SCORE,))), FLOW),
    ("metric-dropped", "output", FLOW, outputs(REPORT, replace(SCORES, metrics=(SCORE,)))),
    (
        "metric-range-widened",
        "output",
        FLOW,
        outputs(REPORT, replace(SCORES, metrics=(replace(SCORE, maximum=2), ERROR))),
    ),
    (
        "metric-range-narrowed",
        "output",
        FLOW,
        outputs(REPORT, replace(SCORES, metrics=(SCORE, replace(ERROR, minimum=0)))),
    ),
    ("metric-made-nullable", "output", FLOW, outputs(REPORT, UNDEFINED)),
    ("metric-made-not-null", "output", outputs(REPORT, UNDEFINED), FLOW),
]
TWO_TABLES = replace(SOURCE, tables=(ROWS, replace(ROWS, name="more")))
NONE = Catalog((), ())
UNREAD = Catalog((SOURCE,), ())
READ = Catalog((SOURCE,), (replace(FLOW, inputs=(RAW,)),))
OF_DATASETS: list[tuple[str, Side, Catalog, Catalog]] = [
    ("dataset-added", "output", NONE, UNREAD),
    ("dataset-dropped", "output", READ, Catalog((), (replace(FLOW, inputs=()),))),
    ("dataset-retired", "output", UNREAD, NONE),
    ("table-added", "input", UNREAD, Catalog((TWO_TABLES,), ())),
    ("table-dropped", "input", Catalog((TWO_TABLES,), ()), UNREAD),
    ("owner-changed", "output", UNREAD, Catalog((replace(SOURCE, owner="sales"),), ())),
    (
        "order-changed",
        "input",
        Catalog((TWO_TABLES,), ()),
        Catalog((replace(TWO_TABLES, tables=TWO_TABLES.tables[::-1]),), ()),
    ),
    ("description-changed", "output", UNREAD, Catalog((replace(SOURCE, description="S."),), ())),
]


def catalog(*dataflows: DataflowContract) -> Catalog:
    return Catalog((SOURCE, OTHER, SEEN), dataflows)


def source(table: Table) -> Catalog:
    return Catalog((replace(SOURCE, tables=(table,)),), ())


def published(table: Table) -> Catalog:
    return Catalog((), (replace(FLOW, inputs=(), outputs=(table,)),))


EXAMPLES: list[tuple[str, Side, Catalog, Catalog]] = [
    *((rule, "input", source(old), source(new)) for rule, old, new in OF_TABLES),
    *((rule, "output", published(old), published(new)) for rule, old, new in OF_TABLES),
    *((rule, "output", published(old), published(new)) for rule, old, new in OF_PUBLISHED),
    *((rule, side, catalog(*old), catalog(*new)) for rule, side, old, new in OF_DATAFLOWS),
    *((rule, side, catalog(old), catalog(new)) for rule, side, old, new in OF_PARTS),
    *OF_DATASETS,
]


@pytest.mark.parametrize(
    ("rule", "side", "old", "new"), EXAMPLES, ids=[f"{rule}-{side}" for rule, side, *_ in EXAMPLES]
)
def test_each_example_shows_its_rule_and_nothing_else(
    rule: str, side: Side, old: Catalog, new: Catalog
) -> None:
    first, *rest = compare(old, new, TODAY)
    assert (first.rule, first.side) == (rule, side)
    assert first.before != first.after
    assert [difference for difference in rest if difference.subject == first.subject] == []


@pytest.mark.parametrize(("old", "new"), [example[2:] for example in EXAMPLES])
def test_no_example_differs_from_itself(old: Catalog, new: Catalog) -> None:
    assert compare(old, old, TODAY) == compare(new, new, TODAY) == ()


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    assert {(rule, side) for rule, side, *_ in EXAMPLES} == {
        (rule.name, rule.side) for rule in RULES
    }


def test_no_rule_is_there_twice() -> None:
    assert max(Counter((rule.name, rule.side) for rule in RULES).values()) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.side}")
def test_a_stricter_level_never_takes_a_difference_more_lightly(rule: Rule) -> None:
    severity = [EFFECTS.index(rule.classified(level)) for level in LEVELS]
    assert severity == sorted(severity, reverse=True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.side}")
def test_a_rule_reads_well(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert re.fullmatch(r"[A-Z].*[.]", rule.meaning)


@pytest.mark.parametrize(
    ("name", "side", "level", "effect"),
    [
        ("column-dropped", "output", "readers", "breaking"),
        ("column-renamed", "output", "readers", "breaking"),
        ("column-added", "output", "wording", "additive"),
        ("column-added", "input", "readers", "additive"),
        ("column-added", "input", "callers", "breaking"),
        ("column-made-not-null", "output", "wording", "additive"),
        ("column-range-narrowed", "input", "callers", "breaking"),
        ("column-range-widened", "input", "readers", "breaking"),
        ("checkpoint-withdrawn", "output", "readers", "internal"),
        ("checkpoint-withdrawn", "output", "callers", "breaking"),
        ("input-added", "input", "readers", "additive"),
        ("input-added", "input", "callers", "breaking"),
        ("input-source-changed", "input", "callers", "breaking"),
        ("param-narrowed", "input", "readers", "internal"),
        ("param-narrowed", "input", "callers", "breaking"),
        ("param-default-changed", "input", "callers", "additive"),
        ("param-default-changed", "input", "wording", "breaking"),
        ("deprecation-brought-forward", "output", "callers", "breaking"),
        ("partitioning-added", "output", "readers", "breaking"),
        ("partitioning-removed", "output", "readers", "additive"),
        ("partitioning-removed", "output", "callers", "breaking"),
        ("partitioning-changed", "output", "readers", "internal"),
        ("partitioning-changed", "output", "callers", "breaking"),
        ("filter-column-added", "input", "callers", "additive"),
        ("filter-column-removed", "input", "callers", "breaking"),
        ("filter-column-removed", "input", "readers", "internal"),
        ("dataflow-retired", "output", "wording", "internal"),
        ("owner-changed", "output", "callers", "internal"),
        ("owner-changed", "output", "wording", "breaking"),
    ],
)
def test_the_two_teams_have_agreed_on(name: str, side: Side, level: Level, effect: Effect) -> None:
    (rule,) = [known for known in RULES if (known.name, known.side) == (name, side)]
    assert rule.classified(level) == effect
