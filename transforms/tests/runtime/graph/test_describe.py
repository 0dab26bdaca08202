from __future__ import annotations

from collections.abc import Callable

from isthmus_contracts import Column, Param, Partitioning, Table
from isthmus_contracts.protocol import GraphNode
from isthmus_transforms.runtime import Dataflow

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


def test_the_description_names_the_filter_column_and_the_partitioning(
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


def test_an_optional_dependency_that_no_function_computes_is_not_shown(flow_of: Flows) -> None:
    (node,) = flow_of("def a(b: int = 1) -> int: return b", "a").describe().nodes
    assert node.dependencies == ()
