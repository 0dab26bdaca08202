from __future__ import annotations

import argparse

import pytest

from isthmus_contracts import ParamError, UnknownNameError
from isthmus_transforms.cli.params import given_params, known_dataflows, named_contract, parse
from isthmus_transforms.runtime import Dataflow


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser("isthmus test")
    parser.add_argument("dataflow")
    return parse(parser, list(arguments), named_contract("test", list(arguments)))


@pytest.mark.usefixtures("sales")
def test_the_dataflow_is_found_between_options() -> None:
    assert known_dataflows() == "one of sales"
    for arguments in (["sales"], ["--out", "x", "sales"], ["-o", "x", "sales", "--tax-rate", "1"]):
        found = named_contract("run", arguments)
        assert found is not None
        assert found.name == "sales"
    assert named_contract("run", []) is None
    assert named_contract("run", ["--help"]) is None


@pytest.mark.usefixtures("sales")
def test_an_unknown_dataflow_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown dataflow 'sale'; did you mean 'sales'"):
        named_contract("run", ["sale"])


def test_options_become_params(sales: Dataflow) -> None:
    given = parsed("sales", "--notes", '["a", "b=c"]', '--rates={"EUR": 2}', "--copies", "3")
    params = {"notes": ["a", "b=c"], "rates": {"EUR": 2}, "copies": 3}
    assert given_params(sales.contract, given) == params
    assert given_params(sales.contract, parsed("sales")) == {}


def test_a_value_that_is_not_allowed_is_refused(sales: Dataflow) -> None:
    with pytest.raises(ParamError, match=r"^param 'copies' is 'two'; allowed: integer$"):
        given_params(sales.contract, parsed("sales", "--copies", "two"))


@pytest.mark.usefixtures("sales")
def test_an_unknown_option_is_refused_with_the_one_that_is_close(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parsed("sales", "--note", "[]", "--ratse={}")
    assert capsys.readouterr().err.splitlines()[-1] == (
        "isthmus test: error: unknown argument '--ratse'; did you mean '--rates'?"
    )
