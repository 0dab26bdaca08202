from __future__ import annotations

import pickle

import pytest

from isthmus_transforms.errors import (
    CheckError,
    ContractVersionError,
    DefinitionError,
    EngineError,
    ImportFailedError,
    InputError,
    NodeError,
    OutputError,
    TransformError,
    UserError,
    WorkerError,
)

FAILED = ("total", "total", "sales/functions.py", 7, "ValueError: too low")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ContractVersionError("sales.v1", "1.3.0", "1.2.0"),
            (
                "the request asks for version '1.3.0' of the contract of 'sales.v1'; "
                "this side has version '1.2.0'; install the same contracts on both sides"
            ),
        ),
        (InputError("orders", "there is no file x"), "input 'orders': there is no file x"),
        (OutputError("days", ["one", "two"]), "output 'days' breaks its contract: one; two"),
        (
            ImportFailedError("sales", "sales/days.py", 3, "SyntaxError: invalid syntax", ""),
            "sales cannot be imported (sales/days.py:3): SyntaxError: invalid syntax",
        ),
        (EngineError("dask", "it is unknown"), "engine 'dask': it is unknown"),
        (WorkerError("total", "killed"), "a worker process died while node 'total' ran: killed"),
        (
            NodeError(*FAILED, "orders: int", "Traceback"),
            (
                "node 'total' failed in total (sales/functions.py:7): ValueError: too low "
                "(given orders: int)"
            ),
        ),
        (
            NodeError(*FAILED, "", "Traceback"),
            "node 'total' failed in total (sales/functions.py:7): ValueError: too low",
        ),
    ],
)
def test_messages_name_what_is_wrong(error: TransformError, message: str) -> None:
    assert str(error) == message


@pytest.mark.parametrize(
    ("kind", "fixable"),
    [
        *((kind, True) for kind in (DefinitionError, ContractVersionError, InputError)),
        *((kind, True) for kind in (OutputError, EngineError, ImportFailedError)),
        *((kind, False) for kind in (CheckError, WorkerError, NodeError)),
    ],
)
def test_errors_have_one_root_and_those_that_a_person_can_fix_have_another(
    kind: type[Exception], fixable: bool
) -> None:
    assert issubclass(kind, TransformError)
    assert issubclass(kind, UserError) is fixable


def test_the_error_of_a_node_survives_the_way_from_a_worker() -> None:
    error = NodeError(*FAILED, "orders: int", "Traceback")
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - as worker processes send it
    assert vars(copied) == vars(error)
    assert str(copied) == str(error)
    assert copied.kind == "ValueError"
