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
        ("def a(b: 'Missing') -> int: return 1", "name 'Missing' is not defined"),
        (
            "def a(b: str) -> str: return b\ndef b() -> int: return 1",
            "Error: a is expecting b:<class 'str'>, but found b:<class 'int'>.",
        ),
    ],
)
def test_a_function_that_does_not_fit_is_refused_in_one_line(
    module_of: Callable[..., ModuleType],
    source: str,
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DefinitionError) as caught:
        build_graph([module_of(source)], {})
    message = str(caught.value)
    assert message.startswith(f"function 'a' (sample/functions.py:1) cannot be used: {problem}")
    assert "\n" not in message
    assert caught.value.__cause__ is not None
    assert not caplog.records


def test_two_functions_of_one_name_are_refused(module_of: Callable[..., ModuleType]) -> None:
    modules = [module_of("def a() -> int: return 1", name) for name in ("one", "two")]
    with pytest.raises(DefinitionError) as caught:
        build_graph(modules, {})
    assert str(caught.value) == (
        "function 'a' (sample/two.py:1) computes 'a', as function 'a' (sample/one.py:1) does; "
        "rename one of them"
    )


COLUMN = """
from hamilton.function_modifiers import extract_fields

@extract_fields({"limit": int})
def fields() -> dict[str, int]:
    return {"limit": 1}
"""


@pytest.mark.parametrize(
    ("source", "function", "line"),
    [("def limit() -> float: return 1.0", "limit", 1), (COLUMN, "fields", 4)],
)
@pytest.mark.parametrize("kind", ["a param", "an input"])
def test_a_function_that_a_param_or_input_would_hide_is_refused(
    module_of: Callable[..., ModuleType], source: str, function: str, line: int, kind: str
) -> None:
    params, inputs = ({"limit": 1.0}, ()) if kind == "a param" else ({}, ("limit",))
    with pytest.raises(DefinitionError) as caught:
        build_graph([module_of(source)], params, inputs)
    assert str(caught.value) == (
        f"function {function!r} (sample/functions.py:{line}) computes 'limit', which is also the "
        f"name of {kind}; the function would never run, so rename one of them"
    )


RESOLVED = """
    from hamilton.function_modifiers import ResolveAt, parameterize, resolve, value

    @resolve(
        when=ResolveAt.CONFIG_AVAILABLE,
        decorate_with=lambda names: parameterize(
            **{name: {"length": value(len(name))} for name in names.split()}
        ),
    )
    def size(length: int) -> int:
        return length
"""


def test_a_decorator_may_depend_on_params(flow_of: Flows) -> None:
    flow = flow_of(RESOLVED, "one", params=(Param("names", "string", "one three", "Which."),))
    assert flow.compute(["one", "three"], {}) == {"one": 3, "three": 5}
    assert flow.compute(["one", "seven"], {}, {"names": "one seven"}) == {"one": 3, "seven": 5}


def test_private_functions_are_not_nodes(module_of: Callable[..., ModuleType]) -> None:
    graph = build_graph([module_of("def _a() -> int: return 1\ndef b() -> int: return _a()")], {})
    assert list(graph.nodes) == ["b"]
