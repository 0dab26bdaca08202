from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from isthmus_contracts import Param
from isthmus_contracts.protocol import Event
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow

Flows = Callable[..., Dataflow]

IMPORTS = """
import enum, numbers, typing
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal
import numpy as np
import pandas as pd
import pandera.pandas
import pandera.typing
from hamilton.function_modifiers import parameterize, pipe_output, source, step

Rate = typing.NewType("Rate", float)
T = typing.TypeVar("T")

class Currency(str, enum.Enum):
    EUR = "EUR"

class Priced(typing.Protocol):
    price: float

class Schema(pandera.pandas.DataFrameModel):
    id: int

class Special(pd.DataFrame):
    pass
"""
LINE = IMPORTS.count("\n") + 1
PARAMS = (
    Param("limit", "number", 0.5, "Number."),
    Param("count", "integer", 1, "Integer."),
    Param("name", "string", "x", "Text."),
    Param("loud", "boolean", False, "Boolean."),
    Param("style", "string", "plain", "Choice.", choices=("plain", "loud")),
)


def _refusal(flow: Dataflow) -> str:
    with pytest.raises(DefinitionError) as caught:
        flow.describe()
    with pytest.raises(DefinitionError) as again:
        flow.compute(["a"], {})
    assert str(again.value) == str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("argument", "annotation", "given"),
    [
        *(("limit", "str", "number, which is given as float"),),
        *(("limit", "int", "number, which is given as float"),),
        *(("limit", "Decimal", "number, which is given as float"),),
        *(("limit", "str | None", "number, which is given as float"),),
        *(("count", "str", "integer, which is given as int"),),
        *(("count", "bool", "integer, which is given as int"),),
        *(("name", "float", "string, which is given as str"),),
        *(("name", "Currency", "string, which is given as str"),),
        *(("name", "list[str]", "string, which is given as str"),),
        *(("name", "typing.Literal['x']", "string, which is given as str"),),
        *(("name", "pd.DataFrame", "string, which is given as str"),),
        *(("loud", "str", "boolean, which is given as bool"),),
        *(("style", "typing.Literal['plain']", "one of 'plain', 'loud', which is given as str"),),
    ],
)
def test_a_param_is_given_as_its_contract_says(
    flow_of: Flows, argument: str, annotation: str, given: str
) -> None:
    source = f"{IMPORTS}def a({argument}: {annotation}) -> str: return ''\n"
    shown = annotation.removeprefix("pd.")
    assert _refusal(flow_of(source, "a", params=PARAMS)).replace("sample.functions.", "") == (
        f"function 'a' (sample/functions.py:{LINE}) takes param {argument!r} as {shown}; "
        f"the contract says {given}"
    )


@pytest.mark.parametrize(
    ("argument", "annotations"),
    [
        ("limit", ("float", "float | None", "Rate", "numbers.Real", "typing.Any", "object", "T")),
        ("limit", ("int | float", "typing.Annotated[float, 'EUR']", "Rate | None", "Priced")),
        ("count", ("int", "float", "typing.Optional[int]", "Hashable")),
        ("name", ("str", "Sequence[str]", "Iterable[str]", "bytes | str")),
        ("loud", ("bool", "int")),
        ("style", ("str", "typing.Literal['plain', 'loud', 'soft'] | None")),
        ("style", ("typing.Literal['plain', 'loud']", "typing.Annotated[str, 'How.']")),
        ("orders", ("pd.DataFrame", "pd.DataFrame | None", "typing.Any", "object", "T")),
        ("orders", ("pandera.typing.DataFrame[Schema]", "Special", "Priced")),
    ],
)
def test_an_annotation_that_allows_what_is_given_is_accepted(
    flow_of: Flows, argument: str, annotations: tuple[str, ...]
) -> None:
    for number, annotation in enumerate(annotations):
        source = f"{IMPORTS}def a({argument}: {annotation}) -> str: return ''\n"
        flow = flow_of(source, "a", params=PARAMS)
        assert [node.name for node in flow.describe().nodes] == [argument, "a"], number


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type` is of Python 3.12")
def test_a_type_alias_stands_for_its_type(flow_of: Flows) -> None:
    source = "type Limit = {}\ndef a(limit: Limit) -> str: return ''\n"
    assert flow_of(source.format("float"), "a", params=PARAMS).describe()
    refusal = _refusal(flow_of(source.format("str"), "a", params=PARAMS))
    assert "takes param 'limit' as Limit; the contract says number" in refusal


@pytest.mark.parametrize("annotation", ["Series", "str", "list[int]"])
def test_an_input_is_given_as_a_frame(flow_of: Flows, annotation: str) -> None:
    source = f"{IMPORTS}Series = pd.Series\ndef a(orders: {annotation}) -> str: return ''\n"
    assert _refusal(flow_of(source, "a")) == (
        f"function 'a' (sample/functions.py:{LINE + 1}) takes input 'orders' as {annotation}; "
        "inputs are given as pandas.DataFrame"
    )


def test_arguments_of_steps_and_parameterized_functions_are_held_against_the_contract(
    flow_of: Flows,
) -> None:
    stepped = f"""{IMPORTS}
def _add(number: float, other: str) -> float: return number
@pipe_output(step(_add, other=source("limit")))
def a() -> float: return 1.0
"""
    assert _refusal(flow_of(stepped, "a", params=PARAMS)).startswith(
        f"function '_add' (sample/functions.py:{LINE + 1}) takes param 'limit' as str; "
    )
    parameterized = f"""{IMPORTS}
@parameterize(a={{"other": source("limit")}})
def each(other: str) -> str: return other
"""
    assert _refusal(flow_of(parameterized, "a", params=PARAMS)).startswith(
        f"function 'each' (sample/functions.py:{LINE + 1}) takes param 'limit' as str; "
    )


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("oders", "; did you mean 'orders'?"),
        ("limits", "; did you mean 'limit'?"),
        ("totals", "; did you mean 'total'?"),
        ("weather", ""),
    ],
)
def test_an_unknown_argument_is_refused_with_the_closest_name(
    flow_of: Flows, argument: str, hint: str
) -> None:
    source = f"def total() -> int: return 1 / 0\n\ndef a({argument}: int) -> str: return ''\n"
    assert _refusal(flow_of(source, "a", params=PARAMS)) == (
        f"function 'a' (sample/functions.py:3) takes {argument!r}, which is not a function, input "
        f"or param{hint}"
    )


def test_an_argument_with_a_default_may_be_unknown(flow_of: Flows) -> None:
    flow = flow_of("def a(weather: int = 3) -> str: return str(weather)\n", "a")
    assert flow.compute(["a"], {}) == {"a": "3"}


def test_functions_that_a_run_does_not_need_may_take_anything(flow_of: Flows) -> None:
    source = (
        "def helper(weather: int, limit: str) -> int: return 1\n"
        "async def fetched(url: str) -> str: return url\n"
        "def a() -> str: return ''\n"
    )
    assert flow_of(source, "a", params=PARAMS).compute(["a"], {}) == {"a": ""}


@pytest.mark.parametrize(
    "source",
    [
        "async def a() -> str: return ''",
        "from collections.abc import AsyncIterator\nasync def a() -> AsyncIterator[str]: yield ''",
        (
            "from hamilton.function_modifiers import extract_fields\n"
            "@extract_fields({'b': str})\nasync def a() -> dict[str, str]: return {'b': ''}"
        ),
        (
            "from hamilton.function_modifiers import pipe_output, step\n"
            "async def _wait(text: str) -> str: return text\n"
            "@pipe_output(step(_wait))\ndef a() -> str: return ''"
        ),
    ],
    ids=["function", "generator", "extract_fields", "step"],
)
def test_async_functions_are_refused_for_now(flow_of: Flows, source: str) -> None:
    line = 1 if source.startswith("async") else 2
    name = "_wait" if "_wait" in source else "a"
    assert _refusal(flow_of(source, "a")) == (
        f"function {name!r} (sample/functions.py:{line}) is async, which no engine supports yet; "
        "write it without `async`, for example with asyncio.run() inside"
    )


@pytest.mark.parametrize("node", ["part", "total"])
def test_dynamic_nodes_are_refused_before_anything_runs(flow_of: Flows, node: str) -> None:
    source = """
        from hamilton.htypes import Collect, Parallelizable

        def part() -> Parallelizable[int]:
            yield 1

        def total(part: Collect[int]) -> int:
            return 1
    """
    events: list[Event] = []
    flow = flow_of(source, "part", "total")
    with pytest.raises(DefinitionError) as caught:
        flow.compute([node], {}, on_event=events.append)
    assert str(caught.value) == (
        "function 'part' (sample/functions.py:4) uses Parallelizable or Collect, which no engine "
        "supports; loop inside the function instead"
    )
    assert not events


LISTED = (
    Param("picked", "array", [1], "Which.", of="integer"),
    Param("words", "object", {}, "How to say it.", of="string", choices=("yes", "no")),
    Param("mixed", "array", [], "Anything."),
)


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        *(("picked", kind) for kind in ("list", "list[int]", "list[float]", "Sequence[int]")),
        *(("picked", kind) for kind in ("Any", "object", "list[Any]", "list[int] | None")),
        *(("words", kind) for kind in ("dict", "dict[str, str]", "Mapping[str, str]")),
        ("words", "dict[str, Literal['yes', 'no']]"),
        *(("mixed", kind) for kind in ("list", "list[str]", "list[int | str]")),
    ],
)
def test_arrays_are_taken_as_lists_and_objects_as_dicts(
    flow_of: Flows, name: str, annotation: str
) -> None:
    flow = flow_of(f"{TYPING}\ndef a({name}: {annotation}) -> str: return ''", "a", params=LISTED)
    assert flow.compute("a") == ""


@pytest.mark.parametrize(
    ("name", "annotation", "given"),
    [
        ("picked", "int", "array, each value: integer, which is given as list"),
        ("picked", "tuple[int, ...]", "array, each value: integer, which is given as list"),
        ("picked", "list[str]", "array, each value: integer, which is given as list"),
        ("words", "list[str]", "object, each value: one of 'yes', 'no', which is given as dict"),
        ("words", "dict[str, int]", "object, each value: one of 'yes', 'no', which is given as"),
        ("words", "Literal['yes', 'no']", "object, each value: one of 'yes', 'no', which is given"),
    ],
)
def test_another_annotation_of_an_array_or_object_is_refused(
    flow_of: Flows, name: str, annotation: str, given: str
) -> None:
    flow = flow_of(f"{TYPING}\ndef a({name}: {annotation}) -> str: return ''", "a", params=LISTED)
    with pytest.raises(DefinitionError) as caught:
        flow.describe()
    assert f"takes param {name!r} as " in str(caught.value)
    assert f"the contract says {given}" in str(caught.value)


TYPING = "from collections.abc import Mapping, Sequence\nfrom typing import Any, Literal"
