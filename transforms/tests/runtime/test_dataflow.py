from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from isthmus_contracts import (
    Column,
    Interval,
    IntervalError,
    Output,
    Param,
    ParamError,
    Partitioning,
    Table,
    UnknownNameError,
)
from isthmus_transforms.errors import DefinitionError, InputError
from isthmus_transforms.runtime import Dataflow

Flows = Callable[..., Dataflow]

RATE = Param("rate", "number", 0.5, "Tax rate.", minimum=0, maximum=1)
SALES = """
    import pandas as pd

    def net(orders: pd.DataFrame) -> float:
        return float(orders["price"].sum())

    def tax(net: float, rate: float) -> str:
        return f"{net * rate:g}"
"""


@pytest.fixture
def sales(flow_of: Flows) -> Dataflow:
    return flow_of(SALES, "tax", params=(RATE,), checkpoints={"summed": "net"})


def test_outputs_checkpoints_and_any_other_node_can_be_computed(
    sales: Dataflow, orders: pd.DataFrame
) -> None:
    inputs = {"orders": orders}
    assert sales.compute(["tax"], inputs) == {"tax": "4"}
    assert sales.compute(["summed"], inputs) == {"summed": 8.0}
    assert sales.compute(["net", "summed"], inputs) == {"net": 8.0, "summed": 8.0}


def test_one_name_gives_its_value(sales: Dataflow, orders: pd.DataFrame) -> None:
    inputs = {"orders": orders}
    assert sales.compute("tax", inputs) == "4"
    assert sales.compute("summed", inputs) == 8.0
    assert [node.name for node in sales.describe(targets="summed").nodes] == ["orders", "net"]
    with pytest.raises(UnknownNameError, match=r"^unknown node 'tx'; did you mean 'tax'\?$"):
        sales.compute("tx", inputs)
    with pytest.raises(
        UnknownNameError, match=r"^unknown target 'sumed'; did you mean 'summed'\?$"
    ):
        sales.describe(targets="sumed")


def test_a_dataflow_is_shown_in_one_line(sales: Dataflow) -> None:
    assert repr(sales) == "<Dataflow sales.v1 1.2.0: 1 input, 1 param, 1 output>"


PICKED = Param("picked", "array", [1, 2], "Which orders.", of="integer", minimum=1)
WEIGHTS = Param("weights", "object", {"1": 0.5}, "By order.", of="number")
BY_ORDER = """
    import pandas as pd

    def chosen(orders: pd.DataFrame, picked: list[int], weights: dict[str, float]) -> str:
        rows = orders[orders["id"].isin(picked)]
        shares = rows["id"].map(lambda order: weights.get(str(order), 1))
        return f"{(rows['price'] * shares).sum():g} {type(picked).__name__}"
"""


def test_functions_get_arrays_as_lists_and_objects_as_dicts(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    flow = flow_of(BY_ORDER, "chosen", params=(PICKED, WEIGHTS))
    inputs = {"orders": orders}
    assert flow.compute("chosen", inputs) == "3.25 list"
    params = {"picked": (3, 1), "weights": {"3": 2}}
    assert flow.compute("chosen", inputs, params) == "9.5 list"
    with pytest.raises(ParamError, match=r"^param 'picked\[0\]' is '1'; allowed: integer from 1$"):
        flow.compute("chosen", inputs, {"picked": ["1"]})
    with pytest.raises(ParamError, match=r"^param 'weights.3' is None; allowed: number$"):
        flow.compute("chosen", inputs, {"weights": {"3": None}})


def test_params_are_given_or_have_their_default(sales: Dataflow, orders: pd.DataFrame) -> None:
    assert sales.compute(["tax"], {"orders": orders}, {"rate": 1}) == {"tax": "8"}


def test_a_param_that_no_function_takes_is_allowed(flow_of: Flows) -> None:
    flow = flow_of("def a() -> int: return 1", "a", params=(RATE,))
    assert flow.compute(["a"], {}, {"rate": 0.25}) == {"a": 1}
    assert [node.name for node in flow.describe().nodes] == ["a"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rate": 2}, "param 'rate' is 2; allowed: number from 0 to 1"),
        ({"rate": True}, "param 'rate' is True; allowed: number from 0 to 1"),
        ({"rate": None}, "param 'rate' is None; allowed: number from 0 to 1"),
    ],
)
def test_a_param_that_is_not_allowed_is_refused(
    sales: Dataflow, orders: pd.DataFrame, params: dict[str, object], message: str
) -> None:
    with pytest.raises(ParamError) as caught:
        sales.compute(["tax"], {"orders": orders}, params)
    assert str(caught.value) == message
    with pytest.raises(ParamError):
        sales.describe(params)


@pytest.mark.parametrize(
    ("targets", "inputs", "params", "message"),
    [
        (["nope"], {}, {}, "unknown node 'nope'; known: 'net', 'tax'"),
        (["orders"], {}, {}, "unknown node 'orders'; known: 'net', 'tax'"),
        (["tax"], {"clients": pd.DataFrame()}, {}, "unknown input 'clients'; known: 'orders'"),
        (["tax"], {}, {"colour": 1}, "unknown param 'colour'; known: 'rate'"),
    ],
)
def test_an_unknown_name_is_refused(
    sales: Dataflow,
    targets: list[str],
    inputs: dict[str, pd.DataFrame],
    params: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        sales.compute(targets, inputs, params)
    assert str(caught.value) == message


def test_a_missing_input_is_named_with_the_function_that_needs_it(sales: Dataflow) -> None:
    with pytest.raises(InputError) as caught:
        sales.compute(["tax"], {})
    assert str(caught.value) == "input 'orders': it is not given, and 'net' needs it"
    assert caught.value.name == "orders"


def test_an_input_that_nothing_needs_may_be_missing(flow_of: Flows) -> None:
    source = SALES + "\n    def one() -> int:\n        return 1\n"
    assert flow_of(source, "tax", params=(RATE,)).compute(["one"], {}) == {"one": 1}


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "NoneType"), ({"id": [1]}, "dict"), (pd.Series([1]), "Series")]
)
def test_an_input_that_is_not_a_frame_is_refused(sales: Dataflow, value: object, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        sales.compute(["tax"], {"orders": value})  # type: ignore[dict-item]
    assert str(caught.value) == f"input 'orders': expected a DataFrame, got {kind}"


def test_an_undeclared_name_is_refused_before_anything_runs(flow_of: Flows) -> None:
    source = "def a() -> int: return 1 / 0\ndef b(a: int, weather: int) -> int: return 1"
    with pytest.raises(DefinitionError) as caught:
        flow_of(source, "b").compute(["b"], {})
    assert str(caught.value) == (
        "function 'b' (sample/functions.py:2) takes 'weather', which is not a function, input or "
        "param"
    )


def test_a_function_that_an_input_or_param_would_hide_is_refused(flow_of: Flows) -> None:
    hidden = flow_of("def orders() -> int: return 1\ndef a(orders: int) -> int: return 1", "a")
    message = "computes 'orders', which is also the name of an input"
    with pytest.raises(DefinitionError, match=message):
        hidden.describe()
    with pytest.raises(DefinitionError, match=message):
        hidden.compute(["a"], {})
    param = flow_of(
        "def rate() -> int: return 1\ndef a(rate: int) -> int: return 1", "a", params=(RATE,)
    )
    with pytest.raises(DefinitionError, match="computes 'rate', which is also the name of a param"):
        param.describe()


def test_an_output_that_no_function_computes_is_refused(flow_of: Flows) -> None:
    flow = flow_of("def report(total: int) -> str: return str(total)", "total", "report")
    message = "^dataflow 'sales' declares 'total', but none of its functions computes it$"
    with pytest.raises(DefinitionError, match=message):
        flow.describe()
    with pytest.raises(DefinitionError, match=message):
        flow.compute(["total"], {})


def test_a_checkpoint_that_no_function_computes_is_refused(flow_of: Flows) -> None:
    flow = flow_of("def a() -> int: return 1", "a", checkpoints={"cut": "renamed"})
    with pytest.raises(DefinitionError, match=r"^dataflow 'sales' declares 'renamed', but none"):
        flow.describe(targets=["cut"])


@pytest.mark.parametrize("tied", [{}, {"cut": "a", "other": "a"}, {"other": "a"}])
def test_checkpoints_are_exactly_those_of_the_contract(
    sales: Dataflow, tied: dict[str, str]
) -> None:
    with pytest.raises(DefinitionError) as caught:
        Dataflow(sales.contract, sales.modules, tied)
    assert str(caught.value) == (
        f"dataflow 'sales' maps the checkpoints {sorted(tied)} to nodes; "
        "its contract declares ['summed']"
    )


def test_targets_of_a_request_are_outputs_and_checkpoints_only(sales: Dataflow) -> None:
    assert sales.targets == {"tax": "tax", "summed": "net"}
    assert sales.target_nodes(["summed"]) == {"summed": "net"}
    with pytest.raises(UnknownNameError) as caught:
        sales.describe(targets=["net"])
    assert str(caught.value) == "unknown target 'net'; known: 'tax', 'summed'"


def test_a_target_marks_its_node(sales: Dataflow) -> None:
    assert [(node.name, node.target) for node in sales.describe(targets=["summed"]).nodes] == [
        ("orders", None),
        ("net", "summed"),
    ]


DAY = Column("day", "date", "Day.")
DAYS = Table("days", "Days.", (DAY,), partitioning=Partitioning("day", "month"))
JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
BY_DAY = """
    import pandas as pd

    def days(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[["day"]]

    def count(orders: pd.DataFrame) -> str:
        return str(len(orders))
"""


def test_functions_see_the_rows_of_the_interval(flow_of: Flows, dated_orders: pd.DataFrame) -> None:
    flow = flow_of(BY_DAY, DAYS, "count", filter_column="day")
    inputs = {"orders": dated_orders}
    assert flow.compute(["count"], inputs) == {"count": "6"}
    assert flow.compute(["count"], inputs, interval=JANUARY) == {"count": "3"}
    assert len(dated_orders) == 6


def test_an_input_without_a_filter_column_is_given_whole(
    flow_of: Flows, dated_orders: pd.DataFrame
) -> None:
    flow = flow_of(BY_DAY, DAYS, "count")
    made = flow.compute(["count", "days"], {"orders": dated_orders}, interval=JANUARY)
    assert made["count"] == "6"
    assert len(made["days"]) == 6  # `stage` leaves out what lies outside


@pytest.mark.parametrize(
    ("outputs", "interval", "message"),
    [
        (("count",), JANUARY, "dataflow 'sales' has no partitioned output"),
        ((DAYS, "count"), Interval(date(2013, 1, 2), date(2013, 2, 1)), "cuts the month 2013-01"),
    ],
)
def test_an_interval_that_does_not_fit_is_refused(
    flow_of: Flows, orders: pd.DataFrame, outputs: tuple[Output], interval: Interval, message: str
) -> None:
    with pytest.raises(IntervalError, match=message):
        flow_of(BY_DAY, *outputs).compute(["count"], {"orders": orders}, interval=interval)
