from __future__ import annotations

import pytest

from isthmus_contracts import (
    ContractError,
    DeclarationError,
    ParamError,
    ProtocolError,
    UnknownNameError,
)


@pytest.mark.parametrize("kind", [DeclarationError, ParamError, ProtocolError, UnknownNameError])
def test_every_error_is_a_contract_error(kind: type[Exception]) -> None:
    assert issubclass(kind, ContractError)


def test_an_unknown_name_lists_what_is_known() -> None:
    error = UnknownNameError("dataflow", "x", (name for name in ("a", "b")))
    assert str(error) == "no dataflow 'x'; known: 'a', 'b'"
    assert (error.kind, error.name, error.known) == ("dataflow", "x", ("a", "b"))


def test_an_unknown_name_says_so_if_nothing_is_known() -> None:
    assert str(UnknownNameError("param", "x", ())) == "no param 'x'; known: none"


def test_a_param_error_names_param_value_and_what_is_allowed() -> None:
    error = ParamError("month", 13, "integer from 1 to 12")
    assert str(error) == "param 'month' is 13; allowed: integer from 1 to 12"
    assert (error.param, error.value, error.allowed) == ("month", 13, "integer from 1 to 12")


def test_a_protocol_error_names_the_place() -> None:
    error = ProtocolError("RunRequest.inputs", "expected an object, got 1")
    assert str(error) == "RunRequest.inputs: expected an object, got 1"
    assert (error.where, error.problem) == ("RunRequest.inputs", "expected an object, got 1")
