from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.retries import waits_of

Flows = Callable[..., Dataflow]
Modules = Callable[[str], ModuleType]

IMPORTS = """
import pandas as pd
from hamilton.function_modifiers import (
    check_output, dataloader, extract_columns, extract_fields, load_from, mutate, parameterize,
    pipe_input, pipe_output, save_to, source, step, subdag, tag, tag_outputs, unpack_fields, value,
)

failures = {}

def _fail_twice(name):
    failures[name] = failures.get(name, 0) + 1
    if failures[name] < 3:
        raise TimeoutError(name)

def _add(number: int) -> int:
    return number + 1
"""
RETRIED = '@tag(retries="2", retry_wait_seconds="0")'
DECORATORS = {
    "extract_columns": ('@extract_columns("a")', "pd.DataFrame", 'pd.DataFrame({"a": [1]})'),
    "extract_fields": ('@extract_fields({"a": int})', "dict[str, int]", '{"a": 1}'),
    "unpack_fields": ('@unpack_fields("a")', "tuple[int, ...]", "(1,)"),
    "pipe_output": ("@pipe_output(step(_add))", "int", "1"),
    "pipe_input": ("@pipe_input(step(_add))", "int", "1"),
    "dataloader": ("@dataloader()", "tuple[int, dict]", "(1, {})"),
    "parameterize": ('@parameterize(a={"one": value(1)})', "int", "1"),
    "check_output": ('@check_output(range=(0, 9), importance="fail")', "int", "1"),
}


@pytest.mark.parametrize("is_over", [True, False], ids=["over", "under"])
@pytest.mark.parametrize("kind", DECORATORS)
def test_a_function_is_retried_whatever_its_other_decorators_are(
    flow_of: Flows, kind: str, is_over: bool
) -> None:
    decorator, annotation, result = DECORATORS[kind]
    decorators = [RETRIED, decorator] if is_over else [decorator, RETRIED]
    function = f"def f(one: int) -> {annotation}:\n    _fail_twice('f')\n    return {result}\n"
    source = "\n".join([IMPORTS, "def one() -> int:\n    return 1\n", *decorators, function])
    flow = flow_of(source, "f")
    target = "a" if 'a"' in decorator or "a=" in decorator else "f"
    flow.compute([target], {})
    assert flow.modules[0].failures == {"f": 3}


PIPED = f"""{IMPORTS}
def _again(number: int) -> int:
    _fail_twice("step")
    return number

{RETRIED}
@pipe_output(step(_again))
def f() -> int:
    _fail_twice("f")
    return 1
"""
MUTATED = f"""{IMPORTS}
def f() -> int:
    return 1

{RETRIED}
@mutate(f)
def _again(number: int) -> int:
    _fail_twice("mutator")
    return number
"""
OWN_TAGS = f"""{IMPORTS}
{RETRIED}
def _again(number: int) -> int:
    _fail_twice("step")
    return number

@pipe_output(step(_again))
def f() -> int:
    return 1
"""
LOADED = f"""{IMPORTS}
import dataclasses
from hamilton.function_modifiers.adapters import LoadFromDecorator
from hamilton.io.data_adapters import DataLoader

@dataclasses.dataclass
class Late(DataLoader):
    @classmethod
    def applicable_types(cls): return [dict]
    @classmethod
    def name(cls): return "late"
    def load_data(self, type_):
        _fail_twice("load")
        return {{}}, {{}}

{RETRIED}
@LoadFromDecorator([Late])
def f(read: dict) -> int:
    return len(read)
"""


@pytest.mark.parametrize(
    ("source", "failures"),
    [
        (PIPED, {"f": 3, "step": 3}),
        (MUTATED, {"mutator": 3}),
        (OWN_TAGS, {"step": 3}),
        (LOADED, {"load": 3}),
    ],
    ids=["pipe_output", "mutate", "a tag of the step", "load_from"],
)
def test_steps_and_loaders_are_retried_too(
    flow_of: Flows, source: str, failures: dict[str, int]
) -> None:
    flow = flow_of(source, "f")
    flow.compute(["f"], {})
    assert flow.modules[0].failures == failures


def test_a_function_without_the_tag_is_not_retried(module_of: Modules) -> None:
    graph = build_graph([module_of(MUTATED)], {})
    waits = {name: waits_of(node) for name, node in graph.nodes.items()}
    assert waits == {"f": (), "f.raw": (), "f.with_again": (0.0, 0.0)}


SAVED = f"""{IMPORTS}
@tag(retries="1")
@save_to.json(path=value("unwritten.json"), output_name_="written")
@check_output(allow_none=False)
def f() -> dict:
    return {{}}

@tag_outputs(b={{"retries": "1"}})
@extract_fields({{"a": int, "b": int}})
def pair() -> dict[str, int]:
    return {{"a": 1, "b": 2}}

@tag(target_=..., retries="1")
@subdag(f, pair)
def nested(a: int) -> int:
    return a
"""


def test_only_nodes_that_call_something_are_retried(module_of: Modules) -> None:
    graph = build_graph([module_of(SAVED)], {})
    retried = {name for name, node in graph.nodes.items() if waits_of(node) == (1.0,)}
    assert retried == {
        *("written", "f_raw", "pair"),
        *("nested", "nested.written", "nested.f_raw", "nested.pair"),
    }


def test_waits_double(module_of: Modules) -> None:
    source = (
        "from hamilton.function_modifiers import tag\n"
        "@tag(retries='3', retry_wait_seconds='0.5')\ndef a() -> int: return 1\n"
        "@tag(retries='0')\ndef b() -> int: return 1\n"
    )
    nodes = build_graph([module_of(source)], {}).nodes
    assert waits_of(nodes["a"]) == (0.5, 1.0, 2.0)
    assert waits_of(nodes["b"]) == ()


@pytest.mark.parametrize(
    ("tags", "shown"),
    [
        ("retries='often'", "retries='often'"),
        ("retries='-1'", "retries='-1'"),
        ("retries='21'", "retries='21'"),
        ("retries=['1', '2']", "retries=['1', '2']"),
        ("retries='1', retry_wait_seconds='3601'", "retries='1', retry_wait_seconds='3601'"),
        ("retries='1', retry_wait_seconds='nan'", "retries='1', retry_wait_seconds='nan'"),
        ("retry_wait_seconds='1'", "retry_wait_seconds='1'"),
    ],
)
def test_wrong_retry_tags_are_refused_when_the_graph_is_built(
    module_of: Modules, tags: str, shown: str
) -> None:
    source = f"from hamilton.function_modifiers import tag\n@tag({tags})\ndef a() -> int: return 1"
    with pytest.raises(DefinitionError) as caught:
        build_graph([module_of(source)], {})
    assert str(caught.value) == (
        f"function 'a' (sample/functions.py:2) has the tags {shown}; expected retries, a number "
        "from 0 to 20, and retry_wait_seconds, a number from 0 to 3600, by default 1"
    )


@pytest.mark.slow
def test_a_worker_process_retries_as_well(
    flow_of: Flows, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    flow = flow_of(PIPED, "f")
    assert flow.compute(["f"], {}, engine=EngineProfile("processes", {"workers": 1})) == {"f": 1}
    assert flow.modules[0].failures == {}
