from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from isthmus_contracts import Param, UnknownNameError
from isthmus_contracts.protocol import CheckpointReused, CheckpointWritten, Event, NodeStarted
from isthmus_transforms.errors import InputError, OverrideError
from isthmus_transforms.runtime import Dataflow

Flows = Callable[..., Dataflow]

RATE = Param("rate", "number", 0.5, "Tax rate.", minimum=0, maximum=1)
SALES = """
    from typing import Protocol

    import pandas as pd
    from hamilton.function_modifiers import check_output

    class Named(Protocol):
        name: str

    @check_output(range=(0, 100), importance="fail")
    def net(orders: pd.DataFrame) -> float:
        return float(orders["price"].sum())

    def lines(orders: pd.DataFrame) -> dict[str, int]:
        return {"lines": len(orders)}

    def shop() -> Named:
        return pd.Series(name="shop")

    def tax(net: float, rate: float) -> str:
        return f"{net * rate:g}"

    def report(tax: str, lines: dict[str, int], shop: Named) -> str:
        return f"{tax} for {lines['lines']} of {shop.name}"
"""


@pytest.fixture
def sales(flow_of: Flows) -> Dataflow:
    return flow_of(SALES, "report", "tax", params=(RATE,), checkpoints={"summed": "net"})


def test_a_value_takes_the_place_of_a_node_and_of_what_only_it_needs(sales: Dataflow) -> None:
    events: list[Event] = []
    assert sales.compute("tax", on_event=events.append, overrides={"net": 10.0}) == "5"
    assert [event.node for event in events if isinstance(event, NodeStarted)] == ["tax"]


def test_other_nodes_still_need_their_inputs(sales: Dataflow, orders: pd.DataFrame) -> None:
    given = {"net": 10.0}
    with pytest.raises(InputError, match="input 'orders': it is not given, and 'lines' needs it"):
        sales.compute("report", overrides=given)
    computed = sales.compute("report", {"orders": orders}, {"rate": 1}, overrides=given)
    assert computed == "10 for 3 of shop"


@pytest.mark.parametrize("engine", ["sequential", "threads"])
def test_targets_are_overridden_by_their_own_names(
    sales: Dataflow, orders: pd.DataFrame, engine: str
) -> None:
    given = {"summed": 20, "lines": {"lines": 7}}
    computed = sales.compute(
        ["summed", "report", "lines"], {"orders": orders}, engine=engine, overrides=given
    )
    assert computed == {"summed": 20, "report": "10 for 7 of shop", "lines": {"lines": 7}}


def test_a_given_value_is_not_checked_by_the_decorators_of_its_function(sales: Dataflow) -> None:
    assert sales.compute("tax", overrides={"net": 1000.0}) == "500"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nett": 1.0}, "unknown node 'nett'; did you mean 'net'?"),
        ({"warehouse": 1.0}, "unknown node 'warehouse'; known: 'lines', "),
    ],
)
def test_an_unknown_node_is_refused(
    sales: Dataflow, overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        sales.compute("tax", overrides=overrides)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"orders": pd.DataFrame()}, "override of 'orders': it is an input; give it in `inputs`"),
        ({"rate": 1.0}, "override of 'rate': it is a param; give it in `params`"),
        ({"net": "10"}, "override of 'net': it is a str; the function returns a float"),
        ({"tax": None}, "override of 'tax': it is a NoneType; the function returns a str"),
    ],
)
def test_a_value_that_cannot_be_the_nodes_is_refused(
    sales: Dataflow, overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(OverrideError) as caught:
        sales.compute("tax", overrides=overrides)
    assert str(caught.value) == message
    assert caught.value.name in overrides


def test_values_of_types_that_python_cannot_check_are_taken(
    sales: Dataflow, orders: pd.DataFrame
) -> None:
    given = {"lines": {"lines": "many"}, "shop": pd.Series(name="here")}
    computed = sales.compute("report", {"orders": orders}, overrides=given)
    assert computed == "4 for many of here"


EXACT = """
    import pandas as pd

    def priced(orders: pd.DataFrame) -> pd.DataFrame:
        return orders

    def total(priced: pd.DataFrame) -> float:
        return float(priced["price"].sum())
"""


def test_a_saved_result_belongs_to_the_value_that_was_given(
    flow_of: Flows, orders: pd.DataFrame, tmp_path: Path
) -> None:
    flow = flow_of(EXACT, "total", checkpoints={"sum": "total"})

    def compute(**overrides: object) -> tuple[object, list[str]]:
        events: list[Event] = []
        computed = flow.compute(
            "total", {"orders": orders}, on_event=events.append, checkpoints=tmp_path,
            overrides=overrides,
        )  # fmt: skip
        kinds = (CheckpointReused, CheckpointWritten, NodeStarted)
        return computed, [type(event).__name__ for event in events if isinstance(event, kinds)]

    again = (["NodeStarted", "CheckpointWritten"], ["CheckpointReused"])
    assert compute() == (8.0, ["NodeStarted", *again[0]])
    for price in (1.0, 2.0):
        frame = pd.DataFrame({"id": [1], "price": [price]})
        assert compute(priced=frame) == (price, again[0])
        assert compute(priced=frame.copy()) == (price, again[1])
    assert compute() == (8.0, again[1])


def test_a_value_that_cannot_be_digested_exactly_saves_nothing(
    flow_of: Flows, orders: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of(EXACT, "total", checkpoints={"sum": "total"})
    for price in (1.0, 2.0):
        frame = pd.DataFrame({"price": [price], "note": [object()]})
        computed = flow.compute(
            "total", {"orders": orders}, checkpoints=tmp_path, overrides={"priced": frame}
        )
        assert computed == price
    assert "the value given for 'priced' has no exact digest" in caplog.text
