from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_contracts import Param
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.graph.build import build_graph

Flows = Callable[..., Dataflow]


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


def test_private_functions_are_not_nodes(module_of: Callable[..., ModuleType]) -> None:
    graph = build_graph([module_of("def _a() -> int: return 1\ndef b() -> int: return _a()")], {})
    assert list(graph.nodes) == ["b"]
