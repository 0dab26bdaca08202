from __future__ import annotations

from datetime import date

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.tools.compatibility import Difference
from isthmus_contracts.tools.compatibility.differences import Place, compare_orders

AT = Place("dataflow flow.v1", "output")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (False, "false"),
        (0, "0"),
        (("a", "b"), "a, b"),
        (date(2027, 1, 31), "2027-01-31"),
        (Identity("flow", 1), "flow.v1"),
    ],
)
def test_what_differs_is_told_as_text(value: object, text: str | None) -> None:
    assert AT.differs("owner-changed", value).before == text


def test_a_difference_is_at_its_place() -> None:
    difference = AT.inside("rows").inside("id").differs("column-added", after="int64")
    assert difference == Difference(
        "column-added", "output", "dataflow flow.v1", "rows.id", None, "int64"
    )


def test_a_difference_has_the_class_of_its_rule_and_side() -> None:
    added = AT.differs("column-added")
    assert added.classified("callers") == "additive"
    source = Place("dataset source", "input").differs("column-added")
    assert (source.classified("readers"), source.classified("callers")) == ("additive", "breaking")


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "axbc", 0), ("abc", "ca", 1), ("ab", "xy", 0)],
)
def test_only_names_that_stayed_have_an_order(old: str, new: str, count: int) -> None:
    assert len(list(compare_orders(old, new, AT))) == count
