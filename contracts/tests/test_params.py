from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import (
    DeclarationError,
    Param,
    ParamError,
    ParamType,
    ParamValue,
    UnknownNameError,
    param_text,
    resolve_params,
)

MONTH = Param("month", "integer", 1, "A month.", minimum=1, maximum=12)
SHARE = Param("share", "number", 0.5, "A share.", minimum=0, maximum=1)
MODEL = Param("model", "string", "linear", "A model.", choices=("linear", "trees"))
FULL = Param("full", "boolean", default=False, description="Whether everything.")
NOTE = Param("note", "string", "", "Any text.")
AIRPORTS = Param("airports", "array", ["JFK"], "Which.", of="string", choices=("EWR", "JFK", "LGA"))
MONTHS = Param("months", "array", [], "Which.", of="integer", minimum=1, maximum=12)
WEIGHTS = Param("weights", "object", {"JFK": 1}, "How much.", of="number", minimum=0)
FLAGS = Param("flags", "object", {"a.b": True}, "Which.", of="boolean")
SETTINGS = Param("settings", "object", {"depth": 3, "loss": "log", "fast": True}, "Of the model.")
STEPS = Param("steps", "array", [0.5, "end"], "In order.")
WITH_VALUES = (AIRPORTS, MONTHS, WEIGHTS, FLAGS, SETTINGS, STEPS)

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.integers()),
)


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (MONTH, 1),
        (MONTH, 12),
        (SHARE, 0),
        (SHARE, 1),
        (SHARE, 0.25),
        (MODEL, "trees"),
        (FULL, True),
        (FULL, False),
        (NOTE, "anything"),
    ],
)
def test_an_allowed_value_comes_back_as_it_is(param: Param, value: ParamValue) -> None:
    assert param.check(value) is value


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (AIRPORTS, []),
        (AIRPORTS, ["LGA", "EWR", "LGA"]),
        (MONTHS, [12, 1]),
        (WEIGHTS, {}),
        (WEIGHTS, {"LGA": 0, "": 1.5, "a b": 2**70}),
        (FLAGS, {"x": False}),
        (SETTINGS, {"depth": 1.5, "loss": "", "fast": False}),
        (STEPS, [1, "1", True, 1.0]),
    ],
)
def test_allowed_values_of_an_array_or_object_come_back_as_a_copy(
    param: Param, value: ParamValue
) -> None:
    checked = param.check(value)
    assert (checked, repr(checked)) == (value, repr(value))  # True is not 1
    assert checked is not value


def test_a_tuple_becomes_a_list() -> None:
    assert AIRPORTS.check(("LGA",)) == ["LGA"]


@pytest.mark.parametrize(
    ("param", "value", "message"),
    [
        (
            AIRPORTS,
            "JFK",
            "param 'airports' is 'JFK'; allowed: array, each value: one of 'EWR', 'JFK', 'LGA'",
        ),
        (
            AIRPORTS,
            ["JFK", "LAX"],
            "param 'airports[1]' is 'LAX'; allowed: one of 'EWR', 'JFK', 'LGA'",
        ),
        (
            AIRPORTS,
            {"JFK": 1},
            "param 'airports' is {'JFK': 1}; allowed: array, each value: one of 'EWR', ",
        ),
        (MONTHS, [1, 13], "param 'months[1]' is 13; allowed: integer from 1 to 12"),
        (MONTHS, [True], "param 'months[0]' is True; allowed: integer from 1 to 12"),
        (MONTHS, [1.0], "param 'months[0]' is 1.0; allowed: integer from 1 to 12"),
        (MONTHS, [[1]], "param 'months[0]' is [1]; allowed: integer from 1 to 12"),
        (MONTHS, {1}, "param 'months' is {1}; allowed: array, each value: integer from 1 to 12"),
        (MONTHS, None, "param 'months' is None; allowed: array"),
        (WEIGHTS, {"LGA": -1}, "param 'weights.LGA' is -1; allowed: number from 0"),
        (WEIGHTS, {"LGA": math.nan}, "param 'weights.LGA' is nan; allowed: number from 0"),
        (WEIGHTS, {1: 1}, "param 'weights' is {1: 1}; allowed: object, each value: number from 0"),
        (WEIGHTS, ["LGA"], "param 'weights' is ['LGA']; allowed: object, each value: number"),
        (FLAGS, {"x": 1}, "param 'flags.x' is 1; allowed: boolean"),
        (
            SETTINGS,
            {"depth": None},
            "param 'settings.depth' is None; allowed: string, number or boolean",
        ),
        (
            SETTINGS,
            {"sizes": [1]},
            "param 'settings.sizes' is [1]; allowed: string, number or boolean",
        ),
        (STEPS, [b"x"], "param 'steps[0]' is b'x'; allowed: string, number or boolean"),
        (STEPS, [math.inf], "param 'steps[0]' is inf; allowed: string, number or boolean"),
        (NOTE, ["a"], "param 'note' is ['a']; allowed: string"),
        (SHARE, {"a": 1}, "param 'share' is {'a': 1}; allowed: number from 0 to 1"),
    ],
)
def test_another_value_in_an_array_or_object_is_refused_with_its_place(
    param: Param, value: object, message: str
) -> None:
    with pytest.raises(ParamError) as caught:
        param.check(value)
    assert str(caught.value).startswith(message)


def test_a_long_value_is_cut_off_in_the_message() -> None:
    with pytest.raises(ParamError) as caught:
        MONTH.check(list(range(10_000)))
    assert len(str(caught.value)) < 150


@given(st.sampled_from(WITH_VALUES), ANYTHING)
def test_what_an_array_or_object_allows_is_plain(param: Param, value: object) -> None:
    try:
        checked = param.check(value)
    except ParamError as error:
        assert error.param.startswith(param.name)  # noqa: PT017
        return
    assert isinstance(checked, list if param.type == "array" else dict)
    values = checked.values() if isinstance(checked, dict) else checked
    assert all(type(part) in {str, int, float, bool} for part in values)
    assert param.parse(param_text(checked)) == checked


def test_a_value_that_a_function_changes_does_not_change_the_default() -> None:
    declared = ["JFK"]
    param = Param("airports", "array", declared, "Which.")
    declared.append("LGA")
    resolved = resolve_params((param,), {})["airports"]
    assert resolved == ["JFK"]
    assert isinstance(resolved, list)
    resolved.append("EWR")
    assert resolve_params((param,), {}) == {"airports": ["JFK"]}


def test_params_with_equal_declarations_are_equal_and_have_one_hash() -> None:
    first, second = (Param("a", "object", {"x": 1}, "A.", of="integer") for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first != Param("a", "object", {"x": 2}, "A.", of="integer")


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (MONTH, 0),
        (MONTH, 13),
        (MONTH, 1.0),
        (MONTH, "1"),
        (MONTH, True),
        (MONTH, None),
        (SHARE, 1.01),
        (SHARE, -1),
        (SHARE, True),
        (SHARE, math.nan),
        (SHARE, math.inf),
        (MODEL, "forest"),
        (MODEL, ""),
        (MODEL, ["linear"]),
        (FULL, 1),
        (FULL, 0),
        (FULL, "true"),
        (NOTE, b"bytes"),
    ],
)
def test_another_value_is_refused(param: Param, value: object) -> None:
    message = f"param {param.name!r} is {value!r}; allowed: {param.allowed}"
    with pytest.raises(ParamError, match=f"^{re.escape(message)}$"):
        param.check(value)


@given(st.sampled_from([MONTH, SHARE, MODEL, FULL, NOTE]), ANYTHING)
def test_a_checked_value_has_the_type_and_bounds_it_promises(param: Param, value: object) -> None:
    try:
        checked = param.check(value)
    except ParamError as error:
        assert error.param == param.name  # noqa: PT017
        return
    assert checked is value
    if isinstance(checked, bool):
        assert param.type == "boolean"
    elif isinstance(checked, str):
        assert param.type == "string"
    else:
        assert param.type in ("integer", "number")
        assert param.minimum is not None
        assert param.maximum is not None
        assert param.minimum <= checked <= param.maximum
    assert not param.choices or checked in param.choices


@given(st.integers(), st.integers(min_value=0), st.integers())
def test_exactly_the_integers_between_the_bounds_are_allowed(
    minimum: int, width: int, value: int
) -> None:
    maximum = minimum + width
    param = Param("n", "integer", minimum, "A number.", minimum=minimum, maximum=maximum)
    if minimum <= value <= maximum:
        assert param.check(value) == value
    else:
        with pytest.raises(ParamError):
            param.check(value)


@pytest.mark.parametrize(
    ("param", "words"),
    [
        (MONTH, "integer from 1 to 12"),
        (SHARE, "number from 0 to 1"),
        (MODEL, "one of 'linear', 'trees'"),
        (FULL, "boolean"),
        (NOTE, "string"),
        (AIRPORTS, "array, each value: one of 'EWR', 'JFK', 'LGA'"),
        (MONTHS, "array, each value: integer from 1 to 12"),
        (FLAGS, "object, each value: boolean"),
        (STEPS, "array, each value: string, number or boolean"),
        (Param("seed", "integer", 0, "A seed.", maximum=2**31 - 1), "integer to 2147483647"),
        (Param("rate", "number", 0.5, "A rate.", minimum=0.001), "number from 0.001"),
    ],
)
def test_what_is_allowed_is_said_in_words_and_exactly(param: Param, words: str) -> None:
    assert param.allowed == words


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "Month"}, "param is named 'Month'; a name has"),
        ({"type": "float"}, "param 'x' has type 'float'; known: 'string', 'integer', 'number'"),
        ({"default": "1"}, "a declared value breaks its own rule: param 'x' is '1'"),
        ({"default": True}, "param 'x' is True; allowed: integer"),
        ({"minimum": 2}, "param 'x' is 1; allowed: integer from 2"),
        ({"maximum": 0}, "param 'x' is 1; allowed: integer to 0"),
        ({"minimum": 2, "maximum": 0}, "param 'x' has minimum 2 above maximum 0"),
        ({"minimum": math.nan}, "param 'x' has bound nan, which is not a finite number"),
        ({"choices": (2, 3)}, "param 'x' is 1; allowed: one of 2, 3"),
        ({"choices": (1, 1)}, "choice of param 'x' '1' is declared twice"),
        ({"choices": (1, "2")}, "param 'x' is '2'; allowed: one of 1, '2'"),
        ({"choices": (1, 9), "maximum": 5}, "param 'x' is 9"),
        ({"type": "string", "default": "a", "minimum": 1}, "param 'x' has type string, which"),
        ({"type": "boolean", "default": True, "maximum": 1}, "param 'x' has type boolean, which"),
        (
            {"type": "list"},
            "param 'x' has type 'list'; known: 'string', 'integer', 'number', 'bool",
        ),
        ({"of": "integer"}, "param 'x' has type integer, which has no values"),
        ({"type": "array", "of": "array"}, "param 'x' has type 'array'; known: 'string', 'int"),
        ({"type": "array", "of": "int"}, "param 'x' has type 'int'; known: 'string', 'integer'"),
        ({"type": "array"}, "param 'x' is 1; allowed: array, each value: string, number or boo"),
        ({"type": "array", "default": [None]}, "param 'x[0]' is None; allowed: string, number"),
        ({"type": "object", "default": {"a": 2}, "of": "string"}, "param 'x.a' is 2; allowed: str"),
        (
            {"type": "array", "default": [], "choices": (1, 2)},
            "param 'x' has bounds or choices, and values of any type; give the type of its values",
        ),
        (
            {"type": "object", "default": {}, "minimum": 2},
            "param 'x' has bounds or choices, and values of any type; give the type of its values",
        ),
        (
            {"type": "array", "default": [], "of": "string", "minimum": 2},
            "param 'x' has type string, which has no bounds",
        ),
        (
            {"type": "array", "default": [], "of": "integer", "choices": (1, "2")},
            "param 'x' is '2'; allowed: one of 1, '2'",
        ),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(
    declared: dict[str, Any], message: str
) -> None:
    fields = {"name": "x", "type": "integer", "default": 1, "description": "A number."}
    with pytest.raises(DeclarationError, match=re.escape(message)):
        Param(**{**fields, **declared})


def test_a_param_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        MONTH.default = 2  # type: ignore[misc]


def test_params_resolve_to_the_given_value_or_the_default() -> None:
    assert resolve_params((MONTH, MODEL), {"model": "trees"}) == {"month": 1, "model": "trees"}
    assert resolve_params((), {}) == {}


def test_a_falsy_value_is_not_taken_for_a_missing_one() -> None:
    full = Param("full", "boolean", default=True, description="Whether everything.")
    assert resolve_params((full,), {"full": False}) == {"full": False}
    with pytest.raises(ParamError, match="param 'full' is None; allowed: boolean"):
        resolve_params((full,), {"full": None})


def test_an_unknown_param_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown param 'moth'; did you mean 'month'\?$"):
        resolve_params((MONTH, MODEL), {"moth": 1})


def test_a_given_value_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(ParamError, match="param 'month' is 13; allowed: integer from 1 to 12"):
        resolve_params((MONTH, MODEL), {"month": 13})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "a"),
        ("integer", 1),
        ("number", 1.5),
        ("boolean", True),
        ("array", ["a", 1]),
        ("object", {"a": 1}),
    ],
)
def test_every_type_can_be_declared(kind: ParamType, value: ParamValue) -> None:
    assert Param("x", kind, value, "A value.").check(value) == value


DEFAULTS: dict[str, ParamValue] = {"string": "a", "boolean": True, "array": [], "object": {}}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "x", "x"),
        ("integer", "12", 12),
        ("number", "1.5", 1.5),
        ("number", "2", 2.0),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("array", '["a", 1, true, 0.5]', ["a", 1, True, 0.5]),
        ("array", " []\n", []),
        ("object", '{"a": 1, "\u00e9": "x"}', {"a": 1, "\u00e9": "x"}),
    ],
)
def test_typed_text_becomes_a_value(kind: ParamType, text: str, value: object) -> None:
    parsed = Param("a", kind, DEFAULTS.get(kind, 1), "A.").parse(text)
    assert (parsed, repr(parsed)) == (value, repr(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "May"),
        ("integer", "1.5"),
        ("number", "nan"),
        ("boolean", "1"),
        ("array", "JFK,LGA"),
        ("array", "'a'"),
        ("object", "a=1"),
        ("object", "[" * 100_000),
    ],
)
def test_typed_text_that_is_no_value_is_refused(kind: ParamType, text: str) -> None:
    shown = re.escape(text[:50])
    with pytest.raises(ParamError, match=f"param 'a' is .*{shown}.*; allowed: {kind}"):
        Param("a", kind, DEFAULTS.get(kind, 1), "A.").parse(text)


def test_typed_text_that_is_not_json_is_refused_with_an_example() -> None:
    with pytest.raises(ParamError) as caught:
        AIRPORTS.parse("JFK,LGA")
    assert str(caught.value) == (
        "param 'airports' is 'JFK,LGA'; allowed: array, each value: one of 'EWR', 'JFK', 'LGA'; "
        'written as JSON, such as ["JFK"]'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 13]", r"param 'months\[1\]' is 13; allowed: integer from 1 to 12"),
        ("[NaN]", r"param 'months\[0\]' is nan"),
        ('{"a": 1}', r"param 'months' is {'a': 1}; allowed: array"),
        ("1", "param 'months' is 1; allowed: array"),
    ],
)
def test_typed_json_that_is_not_allowed_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParamError, match=message):
        MONTHS.parse(text)
