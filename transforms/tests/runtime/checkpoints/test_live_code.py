from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.checkpoints import live_code
from isthmus_transforms.runtime.checkpoints.live_code import LiveDigests

Modules = Callable[..., ModuleType]


def _digest(value: object) -> str:
    return LiveDigests().digest(value)


VALUES: list[object] = [
    *(None, True, 1, 1.0, -0.0, 0.0, "1", b"1", (1,), [1], {1}, frozenset({1}), {"a": 1}, {"b": 1}),
    *(
        Decimal("1.0"),
        Decimal("1.00"),
        np.int64(1),
        np.array([1]),
        np.array([1.0]),
        np.array([[1]]),
    ),
    *(pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), pd.Series([1]), pd.Series([1], name="a")),
    *(re.compile("a"), re.compile("b"), len, json.loads, json, dict, functools.partial(int, "1")),
]


def test_different_values_have_different_digests() -> None:
    digests = [_digest([value]) for value in VALUES]
    assert len(set(digests)) == len(VALUES)
    assert digests == [_digest([value]) for value in VALUES]


def test_equal_values_have_equal_digests_whether_or_not_they_are_one_object() -> None:
    one, other = (f"a text of {number} words" for number in [5, 5])
    assert _digest([one, one]) == _digest([one, other])
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert _digest([frame]) == _digest([frame.copy()])


@pytest.mark.parametrize("values", [{1, "a", None}, {"b", "a"}, {(1, 2), (3,)}, {1.5, b"x", int}])
def test_the_order_of_a_set_does_not_matter(values: set[object]) -> None:
    backwards: set[object] = set()
    for value in reversed(list(values)):
        backwards.add(value)
    assert _digest([values]) == _digest([backwards])
    assert _digest([values]) != _digest([values | {"more"}])


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return x.query('price > @CUT')",
        "def f(x): return x.query(f'price > {x} + @CUT')",
        "def f(x): return x.query(QUERY)\nQUERY = {'a': ['price > @CUT']}",
        "def f(x, query='price > @CUT'): return x.query(query)",
        "def f(x):\n    def g(): return x.query('price > @CUT')\n    return g()",
        "class A:\n    query = 'price > @CUT'\ndef f(x): return x.query(A.query)",
        "def f(x): return x.query('price > @over(LIMIT)')\ndef over(x): return x + CUT",
    ],
)
def test_globals_that_texts_name_count(module_of: Modules, text: str) -> None:
    first, second, again = _functions(module_of, *(f"CUT = {cut}\n{text}" for cut in (1, 2, 1)))
    assert first == again != second


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    'CUT is in a docstring'\n    return x",
        "def f(x): return x['over']\ndef over(x): return x + CUT",
        "def f(x): return x.CUT",
    ],
)
def test_other_globals_do_not_count(module_of: Modules, text: str) -> None:
    first, second = _functions(module_of, *(f"CUT = {cut}\n{text}" for cut in (1, 2)))
    assert first == second


MEMO = """
    import functools
    @functools.cache
    def f(): return 1
    def g(): return f()
"""


def test_a_memo_that_was_filled_before_the_run_is_unknown(module_of: Modules) -> None:
    module = module_of(MEMO)
    before = _digest(module.g)
    module.g()
    assert LiveDigests(have_run=True).digest(module.g) == before
    with pytest.raises(UnknownDependencyError, match="behind a cache was called before the run"):
        _digest(module.g)
    module.f.cache_clear()
    assert _digest(module.g) == before


def _functions(module_of: Modules, *texts: str) -> list[str]:
    return [_digest(module_of(text).f) for text in texts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(): return 1", "\n\ndef f():  # one\n    return 1"),
        ("def f():\n    'A.'\n    return 1", "def f():\n    'B.'\n    return 1"),
        ("def f(x): return x in {1, 2}", "def f(x): return x in {2, 1}"),
        ("A = 1\ndef f(): return 1", "A = 2\ndef f(): return 1"),
        ("def g(): return f()\ndef f(): return g()", "def f(): return g()\ndef g(): return f()"),
    ],
)
def test_functions_that_do_the_same_have_the_same_digest(
    module_of: Modules, one: str, other: str
) -> None:
    first, second = _functions(module_of, one, other)
    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(): return 1", "def f(): return 1.0"),
        ("def f(): return 1", "def f(): return True"),
        ("def f(x): return x.a", "def f(x): return x.b"),
        ("def f(x=1): return x", "def f(x=2): return x"),
        ("def f(x: int): return x", "def f(x: float): return x"),
        (
            "def g(): return f() + 1\ndef f(): return g()",
            "def g(): return f() + 2\ndef f(): return g()",
        ),
    ],
)
def test_functions_that_may_differ_have_different_digests(
    module_of: Modules, one: str, other: str
) -> None:
    first, second = _functions(module_of, one, other)
    assert first != second


@pytest.mark.parametrize(
    "value",
    [logging.getLogger("x"), logging.root, threading.Lock(), threading.RLock(), object()],
)
def test_objects_that_change_no_result_have_a_digest(value: object) -> None:
    assert _digest([value]) == _digest([value])


CONTAINS_ITSELF: list[object] = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ((x for x in ()), "cannot pickle 'generator' object"),
        (threading.local(), r"cannot pickle '_thread\._local' object"),
        (CONTAINS_ITSELF, "cannot be digested exactly"),
        (json.encoder.ESCAPE_DCT, "a dict that a library may change"),
        (np.zeros(100_000), "larger than 1,000 bytes"),
    ],
)
def test_what_cannot_be_digested_exactly_is_unknown(
    monkeypatch: pytest.MonkeyPatch, value: object, reason: str
) -> None:
    monkeypatch.setattr(live_code, "LIMIT_BYTES", 1_000)
    with pytest.raises(UnknownDependencyError, match=reason):
        _digest([value])


def test_importers_are_unknown(module_of: Modules) -> None:
    module = module_of(
        "import importlib, importlib.metadata\nfrom runpy import run_path\n"
        "def f(): return importlib.import_module('x')\ndef g(): return run_path('x')\n"
        "def h(): return importlib.metadata.version('pandas')\n"
    )
    for function in (module.f, module.g):
        with pytest.raises(UnknownDependencyError, match="which may load any code or file"):
            _digest(function)
    assert _digest(module.h)


def test_what_a_function_uses_is_told_by_its_name(module_of: Modules) -> None:
    module = module_of("A = (x for x in ())\ndef _b(): return A\ndef f(): return _b()\n")
    with pytest.raises(UnknownDependencyError, match=r"^what _b uses cannot be digested exactly"):
        _digest(module.f)


def test_a_library_is_told_by_its_name_and_what_it_made_of_ours_by_its_parts(
    module_of: Modules,
) -> None:
    module = module_of("def f(): return 1\ndef g(): return 2\n")
    live = LiveDigests()
    assert live.place(json.loads) == "json:loads"
    assert live.place(pd.DataFrame) == "pandas:DataFrame"
    assert live.place(type(None)) == "builtins:NoneType"
    assert live.place(module.f) is None
    wrapped = [contextlib.contextmanager(function) for function in (module.f, module.g)]
    assert [live.place(made) for made in wrapped] == ["", ""]  # type: ignore[arg-type]
    assert live.digest(wrapped[0]) != live.digest(wrapped[1])


@pytest.mark.parametrize(
    ("dtype", "other"),
    [
        (pd.Int64Dtype(), pd.Int32Dtype()),
        (pd.BooleanDtype(), pd.Float64Dtype()),
        (pd.CategoricalDtype(["a", "b"]), pd.CategoricalDtype(["a", "b"], ordered=True)),
        (pd.DatetimeTZDtype(tz="UTC"), pd.DatetimeTZDtype(tz="Europe/Berlin")),
    ],
    ids=str,
)
def test_what_a_type_of_pandas_has_computed_does_not_count(dtype: object, other: object) -> None:
    before = LiveDigests().digest(dtype)
    for name in dir(dtype):
        with contextlib.suppress(Exception):
            getattr(dtype, name)  # which pandas may keep
    assert LiveDigests().digest(dtype) == before
    assert LiveDigests().digest(other) != before
