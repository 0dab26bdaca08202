from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import Param, ParamError
from isthmus_contracts.tools.compatibility.differences import Place
from isthmus_contracts.tools.compatibility.ranges import compare_allowed

AT = Place("dataflow flow.v1", "input", "days")


def param(**rule: Any) -> Param:
    choices = rule.get("choices") or (rule.get("minimum") or rule.get("maximum") or 0,)
    fields: dict[str, Any] = {"type": "integer", "default": choices[0], **rule}
    return Param("days", description="Days.", **fields)


def found(old: Param, new: Param) -> list[str]:
    return [difference.rule for difference in compare_allowed(old, new, AT)]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ({"minimum": 1}, {"minimum": 2}, ["param-narrowed"]),
        (
            {"minimum": 1, "maximum": 5},
            {"minimum": 2, "maximum": 6},
            ["param-narrowed", "param-widened"],
        ),
        ({"choices": (1, 2)}, {"choices": (2, 3)}, ["param-narrowed", "param-widened"]),
        ({"choices": (1, 2)}, {"minimum": 1, "maximum": 2}, ["param-restated"]),
        ({"minimum": 1, "maximum": 2}, {"choices": (2, 1)}, ["param-restated"]),
        ({"minimum": 1, "maximum": 3}, {"choices": (1, 3)}, ["param-narrowed"]),
        ({"minimum": 1, "maximum": 3}, {"choices": (1, 4)}, ["param-narrowed", "param-widened"]),
        ({"choices": (1, 2)}, {"minimum": 2}, ["param-narrowed", "param-widened"]),
        ({"choices": (1, 2)}, {"minimum": 0}, ["param-widened"]),
        ({}, {"choices": (1, 2), "minimum": 1}, ["param-narrowed"]),
        ({"choices": (1, 2)}, {"choices": (1, 2), "maximum": 2}, ["param-restated"]),
        ({"choices": (1, 2)}, {"choices": (1,), "maximum": 1}, ["param-narrowed"]),
        ({"minimum": 0, "maximum": 10**30}, {"choices": (1, 2)}, ["param-narrowed"]),
        ({"choices": (1, 2)}, {"choices": (1, 2)}, []),
    ],
)
def test_bounds_and_choices_count_by_the_values_they_allow(
    old: dict[str, Any], new: dict[str, Any], rules: list[str]
) -> None:
    assert found(param(**old), param(**new)) == rules


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ((), (True, False), ["param-restated"]),
        ((True, False), (), ["param-restated"]),
        ((), (True,), ["param-narrowed"]),
        ((True,), (), ["param-widened"]),
    ],
)
def test_a_boolean_without_choices_has_two(
    old: tuple[bool, ...], new: tuple[bool, ...], rules: list[str]
) -> None:
    before, after = (
        Param("full", "boolean", default=True, description="F.", choices=choices)
        for choices in (old, new)
    )
    assert found(before, after) == rules


def test_both_rules_are_told_as_a_person_would_read_them() -> None:
    (only,) = compare_allowed(param(choices=(1, 2)), param(choices=(1, 2), maximum=2), AT)
    assert (only.before, only.after) == ("one of 1, 2", "one of 1, 2, to 2")
    (only,) = compare_allowed(param(minimum=1), param(minimum=1, maximum=5), AT)
    assert (only.before, only.after) == ("integer from 1", "integer from 1 to 5")


ENDS = st.none() | st.integers(-3, 3)


@st.composite
def params(draw: st.DrawFn) -> Param:
    low, high = draw(ENDS), draw(ENDS)
    if low is not None and high is not None and low > high:
        low, high = high, low
    inside = st.integers(-3 if low is None else low, 3 if high is None else high)
    choices = draw(st.lists(inside, max_size=3, unique=True))
    default = choices[0] if choices else draw(inside)
    return Param(
        "days", "integer", default, "D.", minimum=low, maximum=high, choices=tuple(choices)
    )


def allowed(param: Param) -> set[int]:
    def allows(value: int) -> bool:
        try:
            param.check(value)
        except ParamError:
            return False
        return True

    return {index for index in range(-9, 10) if allows(index)}


@given(params(), params())
def test_a_value_is_refused_or_allowed_anew_exactly_if_a_difference_says_so(
    old: Param, new: Param
) -> None:
    rules = found(old, new)
    assert ("param-narrowed" in rules) is bool(allowed(old) - allowed(new))
    assert ("param-widened" in rules) is bool(allowed(new) - allowed(old))
