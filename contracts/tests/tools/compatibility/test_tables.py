from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus_contracts import Column, Table
from isthmus_contracts.tools.compatibility.differences import Place
from isthmus_contracts.tools.compatibility.tables import compare_tables

A = Column("a", "int64", "A number.")
B = Column("b", "int64", "Another number.")
C = Column("c", "string", "A text.")


def table(*columns: Column, key: tuple[str, ...] = ()) -> Table:
    return Table("table", "A table.", columns, key)


def found(old: Table, new: Table) -> list[tuple[str, str]]:
    at = Place("dataset source", "input", "table")
    return [
        (compare_table.rule, compare_table.place) for compare_table in compare_tables(old, new, at)
    ]


def test_a_renamed_column_is_reported_once_with_both_names() -> None:
    at = Place("dataset source", "input", "table")
    (only,) = compare_tables(table(A, C), table(A, replace(C, name="text")), at)
    assert (only.rule, only.place, only.before, only.after) == (
        "column-renamed",
        "table.c",
        "c",
        "text",
    )


def test_a_renamed_column_may_move_if_nothing_else_of_it_differs() -> None:
    assert found(table(A, B, C), table(A, C, replace(B, name="d"))) == [
        ("column-renamed", "table.b"),
        ("order-changed", "table"),
    ]


def test_a_renamed_column_may_be_described_otherwise_where_it_stood() -> None:
    assert found(table(A, C), table(A, replace(C, name="d", description="Other."))) == [
        ("column-renamed", "table.c"),
        ("description-changed", "table.d"),
    ]


def test_a_column_that_moved_and_is_described_otherwise_is_another() -> None:
    assert found(table(A, C), table(replace(C, name="d", description="Other."), A)) == [
        ("column-dropped", "table.c"),
        ("column-added", "table.d"),
    ]


def test_a_column_of_another_promise_is_another() -> None:
    assert found(table(A, C), table(A, replace(C, name="d", nullable=True))) == [
        ("column-dropped", "table.c"),
        ("column-added", "table.d"),
    ]


def test_of_two_columns_alike_the_one_at_the_same_place_took_the_name() -> None:
    twin = replace(A, name="b")
    assert found(table(A, twin), table(replace(A, name="x"), replace(A, name="y"))) == [
        ("column-renamed", "table.a"),
        ("column-renamed", "table.b"),
    ]
    assert found(table(A, twin), table(C, replace(A, name="x"))) == [
        ("column-dropped", "table.a"),
        ("column-added", "table.c"),
        ("column-renamed", "table.b"),
    ]


def test_a_key_does_not_change_with_the_name_of_its_column() -> None:
    old, new = table(A, C, key=("a",)), table(replace(A, name="d"), C, key=("d",))
    assert found(old, new) == [("column-renamed", "table.a")]


def test_a_column_of_another_type_has_other_ranges_and_choices_anyway() -> None:
    old = table(A, replace(C, choices=("x",)))
    new = table(A, Column("c", "int64", "A text.", minimum=1, nullable=True))
    assert found(old, new) == [
        ("column-made-nullable", "table.c"),
        ("column-retyped", "table.c"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ((0, 10), (5, 15), ["column-range-widened", "column-range-narrowed"]),
        ((0, 10), (0, None), ["column-range-widened"]),
        ((None, None), (0, 10), ["column-range-narrowed"]),
        ((0, 10), (0.0, 10.0), []),
        ((0, 2**63 - 2), (0, 2**63 - 1), ["column-range-widened"]),
    ],
)
def test_a_range_can_be_widened_and_narrowed_at_once(
    old: tuple[float, float], new: tuple[float, float], rules: list[str]
) -> None:
    before, after = (table(replace(A, minimum=low, maximum=high)) for low, high in (old, new))
    assert [rule for rule, _ in found(before, after)] == rules


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (("x", "y"), ("y", "z"), ["column-choices-added", "column-choices-removed"]),
        ((), ("x",), ["column-choices-removed"]),
        (("x",), (), ["column-choices-added"]),
        (("x", "y"), ("y", "x"), ["order-changed"]),
    ],
)
def test_choices_can_come_and_go_at_once(
    old: tuple[str, ...], new: tuple[str, ...], rules: list[str]
) -> None:
    before, after = (table(replace(C, choices=choices)) for choices in (old, new))
    assert [rule for rule, _ in found(before, after)] == rules
