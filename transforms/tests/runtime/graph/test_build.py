from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_contracts import Column, Param, Partitioning, Table
from isthmus_contracts.protocol import GraphNode
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.graph.build import build_graph

Flows = Callable[..., Dataflow]

RATE = Param("rate", "number", 0.2, "Tax rate.", minimum=0, maximum=1)

SALES = '''
    from functools import lru_cache

    import pandas as pd
    from hamilton.function_modifiers import tag


    def revenue(net: float, tax: float) -> str:
        """Net and tax,

        in one line of text.
        """
        return f"{net + tax}"


    @tag(unit="EUR")
    def tax(net: float, rate: float) -> float:
        """Tax on it."""
        return net * rate


    def net(orders: pd.DataFrame) -> float:
        return float(orders["price"].sum())


    def unwanted(net: float) -> float:
        return net
'''


def test_it_says_what_is_read_for_an_interval_and_how_a_table_is_partitioned(
    flow_of: Flows,
) -> None:
    source = '''
        import pandas as pd

        def days(orders: pd.DataFrame) -> pd.DataFrame:
            """Each day."""
            return orders[["day"]]
    '''
    day = Column("day", "date", "Day.")
    table = Table("days", "Days.", (day,), partitioning=Partitioning("day", "month"))
    read, made = flow_of(source, table, filter_column="day").describe().nodes
    assert read.description == "One row per order. For an interval, only the rows with day in it."
    assert made.description == "Each day. Partitioned by month of day."


def test_the_description_has_each_needed_node_after_its_dependencies(flow_of: Flows) -> None:
    graph = flow_of(SALES, "revenue", params=(RATE,)).describe()
    file = "sample/functions.py"
    assert graph.nodes == (
        GraphNode("orders", "input", "DataFrame", "One row per order.", ()),
        GraphNode("net", "function", "float", "", ("orders",), None, "net", file, 22),
        GraphNode("rate", "param", "float", "Tax rate.", ()),
        GraphNode("tax", "function", "float", "Tax on it.", ("net", "rate"), None, "tax", file, 16),
        GraphNode(
            "revenue",
            "function",
            "str",
            "Net and tax, in one line of text.",
            ("net", "tax"),
            "revenue",
            "revenue",
            file,
            8,
        ),
    )
    assert graph.at > 1_600_000_000


VARIANTS = '''
    from hamilton.function_modifiers import config


    @config.when(kind="fast")
    def model__fast() -> str:
        """Guess."""
        return "fast"


    @config.when(kind="exact")
    def model__exact(long: int) -> str:
        return f"exact after {long}"


    def long() -> int:
        return 10
'''
KIND = Param("kind", "string", "fast", "How.", choices=("fast", "exact", "neither"))


def test_a_param_chooses_the_variant_of_a_function(flow_of: Flows) -> None:
    flow = flow_of(VARIANTS, "model", params=(KIND,))
    (fast,) = flow.describe().nodes
    assert (fast.name, fast.function, fast.description) == ("model", "model__fast", "Guess.")
    assert [node.name for node in flow.describe({"kind": "exact"}).nodes] == ["long", "model"]
    assert flow.compute(["model"], {}) == {"model": "fast"}
    assert flow.compute(["model"], {}, {"kind": "exact"}) == {"model": "exact after 10"}


def test_an_output_that_no_variant_computes_is_refused(flow_of: Flows) -> None:
    flow = flow_of(VARIANTS, "model", params=(KIND,))
    with pytest.raises(DefinitionError) as caught:
        flow.describe({"kind": "neither"})
    assert str(caught.value) == (
        "dataflow 'sales' declares 'model', but none of its functions computes it"
    )


def test_several_nodes_of_one_function_point_to_it(flow_of: Flows) -> None:
    source = '''
        import pandas as pd
        from hamilton.function_modifiers import extract_columns

        @extract_columns("a", "b")
        def table() -> pd.DataFrame:
            """Two columns."""
            return pd.DataFrame({"a": [1, 2], "b": [3, 4]})

        def total(a: pd.Series, b: pd.Series) -> int:
            return int((a * b).sum())
    '''
    flow = flow_of(source, "total")
    nodes = {node.name: node for node in flow.describe().nodes}
    assert {nodes[name].function for name in ("table", "a", "b")} == {"table"}
    assert {nodes[name].line for name in ("table", "a", "b")} == {5}
    assert flow.compute(["total"], {}) == {"total": 11}


def test_an_optional_dependency_that_nobody_makes_is_not_shown(flow_of: Flows) -> None:
    (node,) = flow_of("def a(b: int = 1) -> int: return b", "a").describe().nodes
    assert node.dependencies == ()


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def a(): return 1", "Missing type hint for return value in function a."),
        ("def a(b) -> int: return 1", "Missing type hint for b in function a. Please add one"),
        (
            "def a(b: str) -> str: return b\ndef b() -> int: return 1",
            "Error: a is expecting b:<class 'str'>, but found b:<class 'int'>.",
        ),
    ],
)
def test_functions_that_do_not_fit_together_are_refused_in_one_line(
    module_of: Callable[..., ModuleType],
    source: str,
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DefinitionError) as caught:
        build_graph([module_of(source)], {})
    message = str(caught.value)
    assert message.startswith(f"the functions in functions do not make a graph: {problem}")
    assert "\n" not in message
    assert caught.value.__cause__ is not None
    assert not caplog.records


def test_two_functions_of_one_name_are_refused(module_of: Callable[..., ModuleType]) -> None:
    modules = [module_of("def a() -> int: return 1", name) for name in ("one", "two")]
    with pytest.raises(
        DefinitionError, match=r"^the functions in one, two do not make a graph: .*a"
    ):
        build_graph(modules, {})


def test_private_functions_are_no_nodes(module_of: Callable[..., ModuleType]) -> None:
    graph = build_graph([module_of("def _a() -> int: return 1\ndef b() -> int: return _a()")], {})
    assert list(graph.nodes) == ["b"]
