from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isthmus_contracts.protocol import Event, NodeFailed, NodeFinished
from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.calls import bytes_of, shapes_of, size_of

Flows = Callable[..., Dataflow]


def _node_events(events: list[Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__.removeprefix("Node"), event.node) for event in events]


FAILING = '''
    def ratio(orders: "pd.DataFrame", zero: int) -> float:
        """Divide."""
        one = 1

        return (
            one
            / _checked(zero)
        )

    def _checked(number: int) -> int:
        if not number:
            raise ValueError(f"{number} is too small")
        return number

    def zero() -> int:
        return 0

    import pandas as pd
'''


def test_a_function_that_raises_is_named_with_its_failing_line(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    flow = flow_of(FAILING, "ratio")
    events: list[Event] = []
    with pytest.raises(NodeError) as caught:
        flow.compute(["ratio"], {"orders": orders}, on_event=events.append)
    error = caught.value
    source = Path(flow.modules[0].__file__ or "").read_text(encoding="utf-8")
    failing = source.splitlines()[error.line - 1]
    assert failing.strip() == 'raise ValueError(f"{number} is too small")'
    assert (error.node, error.function) == ("ratio", "ratio")
    assert error.file == "sample/functions.py"
    assert error.problem == "ValueError: 0 is too small"
    assert str(error) == (
        f"node 'ratio' failed in ratio (sample/functions.py:{error.line}): "
        "ValueError: 0 is too small (given orders: DataFrame of 3 x 2, zero: int)"
    )
    assert isinstance(error.__cause__, ValueError)
    *_, last = events
    assert isinstance(last, NodeFailed)
    assert (last.node, last.error) == ("ratio", "ValueError")
    assert last.seconds >= 0


def test_a_function_that_exits_has_not_computed_its_node(flow_of: Flows) -> None:
    events: list[Event] = []
    with pytest.raises(NodeError, match="SystemExit: 0") as caught:
        flow_of("def a() -> int: raise SystemExit(0)", "a").compute(
            ["a"], {}, on_event=events.append
        )
    assert caught.value.node == "a"
    assert _node_events(events) == [("Started", "a"), ("Failed", "a")]


def test_an_exception_whose_str_raises_still_names_its_node(flow_of: Flows) -> None:
    source = """
        class Odd(Exception):
            def __str__(self) -> str: raise ValueError
        def a() -> int: raise Odd
    """
    with pytest.raises(
        NodeError, match="Odd: its message cannot be shown: its __str__ raises Value"
    ):
        flow_of(source, "a").compute(["a"], {})


def test_a_very_long_message_is_shortened(flow_of: Flows) -> None:
    with pytest.raises(NodeError) as caught:
        flow_of("def a() -> int: raise ValueError('x' * 10**7)", "a").compute(["a"], {})
    assert len(str(caught.value)) < 11_000


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit])
def test_an_interrupt_is_not_an_error_of_the_function(
    flow_of: Flows, kind: type[BaseException]
) -> None:
    flow = flow_of(f"def a() -> int: raise {kind.__name__}(7)\ndef b(a: int) -> int: return a", "b")
    events: list[Event] = []
    with pytest.raises(kind) as caught:
        flow.compute(["b"], {}, on_event=events.append)
    assert caught.value.args == (7,)
    assert _node_events(events) == [("Started", "a"), ("Failed", "a")]
    assert isinstance(events[1], NodeFailed)
    assert events[1].error == kind.__name__


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("pd.DataFrame({'a': [1, 2], 'b': [3, 4]})", (2, 2, 32)),
        ("pd.Series([1.0, 2.0, 3.0])", (3, None, 24)),
        ("np.zeros((2, 4))", (None, None, 64)),
        ("b'abc'", (None, None, 3)),
        ("'abcd'", (None, None, 4)),
        ("{'a': 1}", (None, None, None)),
        ("None", (None, None, None)),
    ],
)
def test_the_size_of_a_result_is_reported(
    flow_of: Flows, value: str, size: tuple[int | None, ...]
) -> None:
    source = (
        f"import numpy as np, pandas as pd\nimport typing\ndef a() -> typing.Any: return {value}"
    )
    events: list[Event] = []
    flow_of(source, "a").compute(["a"], {}, on_event=events.append)
    finished = events[1]
    assert isinstance(finished, NodeFinished)
    assert (finished.rows, finished.columns, finished.bytes) == size


def test_the_bytes_of_a_value_are_those_in_memory() -> None:
    assert bytes_of(np.zeros(10)) == 80
    assert (bytes_of(pd.DataFrame({"a": np.zeros(10)})) or 0) >= 80
    assert (bytes_of({"a": [1, 2]}) or 0) > (bytes_of([1, 2]) or 0) > 100
    assert (bytes_of(1.5) or 0) > 0
    assert bytes_of([1] * 100_000) is None
    assert bytes_of(object()) is None


@pytest.mark.parametrize("size", [-1, True, 2**64, 1.5, "many"])
def test_a_size_that_is_not_a_number_of_bytes_is_not_reported(size: object) -> None:
    class Sized:
        nbytes = size

    assert size_of(Sized()) == (None, None, None)
    assert bytes_of(Sized()) is None


class Broken(pd.DataFrame):
    def __len__(self) -> int:
        raise OverflowError


def test_a_value_that_cannot_be_looked_at_has_no_size() -> None:
    value = Broken({"a": [1]})
    assert size_of(value) == (None, None, None)
    assert bytes_of(value) is None
    assert bytes_of([value, object()]) is not None
    assert shapes_of({"value": value, "other": 1}) == "value: Broken, other: int"
