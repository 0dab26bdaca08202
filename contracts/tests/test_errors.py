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
    assert str(error) == "unknown dataflow 'x'; known: 'a', 'b'"
    assert (error.kind, error.name, error.known) == ("dataflow", "x", ("a", "b"))


def test_an_unknown_name_suggests_the_known_name_that_is_close() -> None:
    error = UnknownNameError("column", "orign", ("origin", "dest"), of="table 'flights'")
    message = "unknown column 'orign' of table 'flights'; did you mean 'origin'?"
    assert (str(error), error.known) == (message, ("origin", "dest"))


def test_an_unknown_name_says_so_if_nothing_is_known() -> None:
    assert str(UnknownNameError("param", "x", ())) == "unknown param 'x'; known: none"


def test_an_unknown_name_lists_twenty_known_names_at_most() -> None:
    error = UnknownNameError("release", "x", map(str, range(1_020)))
    assert str(error).endswith("'18', '19' and 1,000 more")


def test_a_param_error_names_param_value_and_what_is_allowed() -> None:
    error = ParamError("month", 13, "integer from 1 to 12")
    assert str(error) == "param 'month' is 13; allowed: integer from 1 to 12"
    assert (error.param, error.value, error.allowed) == ("month", 13, "integer from 1 to 12")


def test_a_protocol_error_names_the_place() -> None:
    error = ProtocolError("RunRequest.inputs", "expected an object, got 1")
    assert str(error) == "RunRequest.inputs: expected an object, got 1"
    assert (error.where, error.problem) == ("RunRequest.inputs", "expected an object, got 1")
