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
    resolve_params,
)

MONTH = Param("month", "integer", 1, "A month.", minimum=1, maximum=12)
SHARE = Param("share", "number", 0.5, "A share.", minimum=0, maximum=1)
MODEL = Param("model", "string", "linear", "A model.", choices=("linear", "trees"))
FULL = Param("full", "boolean", default=False, description="Whether everything.")
NOTE = Param("note", "string", "", "Any text.")

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
    ("kind", "value"), [("string", "a"), ("integer", 1), ("number", 1.5), ("boolean", True)]
)
def test_every_type_can_be_declared(kind: ParamType, value: ParamValue) -> None:
    assert Param("x", kind, value, "A value.").check(value) == value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "x", "x"),
        ("integer", "12", 12),
        ("number", "1.5", 1.5),
        ("number", "2", 2.0),
        ("boolean", "True", True),
        ("boolean", "false", False),
    ],
)
def test_typed_text_becomes_a_value(kind: ParamType, text: str, value: object) -> None:
    default = {"string": "a", "boolean": True}.get(kind, 1)
    assert Param("a", kind, default, "A.").parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"), [("integer", "May"), ("integer", "1.5"), ("number", "nan"), ("boolean", "1")]
)
def test_typed_text_that_is_no_value_is_refused(kind: ParamType, text: str) -> None:
    default = {"boolean": True}.get(kind, 1)
    with pytest.raises(ParamError, match=f"param 'a' is .*{text}.*; allowed: {kind}"):
        Param("a", kind, default, "A.").parse(text)
