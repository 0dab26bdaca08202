from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from hamilton.node import Node

from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.origin import called_by, function_of, is_made_by_hamilton

Modules = Callable[[str], ModuleType]

EVERY_KIND = """
    import pandas as pd
    from hamilton.data_quality.base import DataValidator, ValidationResult
    from hamilton.function_modifiers import (
        check_output, check_output_custom, config, dataloader, datasaver, does, extract_columns,
        extract_fields, group, inject, load_from, mutate, parameterize, parameterized_subdag,
        pipe_input, pipe_output, save_to, source, step, subdag, tag, unpack_fields, value,
    )

    class Mine(DataValidator):
        def __init__(self) -> None: super().__init__("warn")
        def applies_to(self, datatype: type) -> bool: return True
        def description(self) -> str: return "Mine."
        @classmethod
        def name(cls) -> str: return "mine"
        def validate(self, dataset: object) -> ValidationResult: return ValidationResult(True, "")

    def plain(given: int) -> int: return given
    def no_argument() -> int: return 1

    @config.when(size="small")
    def chosen__small(given: int) -> int: return given

    @extract_columns("column")
    def frame(given: int) -> pd.DataFrame: return pd.DataFrame({"column": [given]})

    @extract_fields({"field": int})
    def fields(given: int) -> dict[str, int]: return {"field": given}

    @unpack_fields("unpacked")
    def pair(given: int) -> tuple[int, ...]: return (given,)

    @parameterize(first={"number": source("given")}, second={"number": source("first")})
    def chained(number: int) -> int: return number

    @inject(numbers=group(source("first"), source("second")))
    def injected(numbers: list[int]) -> int: return sum(numbers)

    def _add(number: int, other: int = 1) -> int: return number + other

    @pipe_output(step(_add), step(_add, other=source("plain")))
    def piped(given: int) -> int: return given

    @pipe_input(step(_add))
    def entered(given: int) -> int: return given

    def target(given: int) -> int: return given

    @mutate(target)
    def _mutator(number: int) -> int: return number

    @check_output(range=(0, 9), importance="fail")
    def checked(given: int) -> int: return given

    @check_output_custom(Mine())
    def looked_at(given: int) -> int: return given

    @dataloader()
    def loaded(given: int) -> tuple[int, dict]: return given, {}

    @datasaver()
    def saved(given: int) -> dict: return {}

    @load_from.json(path=value("unread.json"))
    def read(text: dict) -> int: return len(text)

    @save_to.json(path=value("unwritten.json"), output_name_="written")
    def composed(given: int) -> dict: return {}

    def _total(**numbers: int) -> int: return sum(numbers.values())

    @does(_total)
    def done(first: int, second: int) -> int: pass

    @extract_fields({"deep": int})
    def inner(number: int, fixed: int) -> dict[str, int]: return {"deep": number + fixed}

    @subdag(inner, inputs={"number": source("given")}, config={"fixed": 1})
    def nested(deep: int) -> int: return deep
"""
MADE = {
    *("column", "field", "unpacked", "piped", "target", "checked", "checked_range_validator"),
    *(
        "looked_at",
        "loaded",
        "read.select_data.text",
        "deep",
        "nested.deep",
        "nested.number",
        "nested.fixed",
    ),
}


@pytest.fixture
def nodes(module_of: Modules) -> dict[str, Node]:
    graph = build_graph([module_of(EVERY_KIND)], {"size": "small"})
    return {name: node for name, node in graph.nodes.items() if not node.user_defined}


def test_nodes_that_pass_on_or_check_a_value_are_made_by_hamilton(nodes: dict[str, Node]) -> None:
    assert {name for name, node in nodes.items() if is_made_by_hamilton(node)} == MADE
    others = {"first", "second", "piped.raw", "piped.with_add", "entered.with_add", "written"}
    assert (
        others | {"looked_at_mine", "read.load_data.text", "loaded.loader", "nested"}
        <= nodes.keys()
    )


@pytest.mark.parametrize(
    ("node", "function"),
    [
        *(("plain", "plain"), ("chosen", "chosen"), ("frame", "frame"), ("pair", "pair")),
        *(("second", "chained"), ("injected", "injected"), ("checked_raw", "checked")),
        *(("piped.raw", "piped"), ("piped.with_add", "_add"), ("piped.with_add_1", "_add")),
        *(
            ("entered", "entered"),
            ("entered.with_add", "_add"),
            ("target.with_mutator", "_mutator"),
        ),
        *(("loaded.loader", "loaded"), ("saved", "saved"), ("read", "read")),
        *(("nested", "nested"), ("nested.inner", "inner")),
    ],
)
def test_a_node_calls_the_function_of_an_author(
    nodes: dict[str, Node], node: str, function: str
) -> None:
    assert [called.__name__ for called in called_by(nodes[node])] == [function]
    assert function_of(nodes[node]).__name__ == function


@pytest.mark.parametrize(
    ("node", "function"),
    [
        *(("column", "frame"), ("piped", "piped"), ("checked", "checked"), ("loaded", "loaded")),
        *(("read.load_data.text", "read"), ("nested.deep", "inner"), ("written", "composed")),
        ("looked_at_mine", "looked_at"),
    ],
)
def test_a_node_that_calls_no_function_of_an_author_has_an_origin(
    nodes: dict[str, Node], node: str, function: str
) -> None:
    assert called_by(nodes[node]) == []
    assert function_of(nodes[node]).__name__ == function
