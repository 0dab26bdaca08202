from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints.loaded_values import loaded_value
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
)

SOURCE = """
    import dataclasses
    from sample.far import STEP

    RATE = 2
    NAMES = {"b", "a"}
    NESTED = [1, {"x": (2.5, None)}]
    CACHE = {}
    THING = object()
    MIXED = [object()]

    def f() -> int: return 1
"""


@pytest.fixture
def module(source_of: Callable[..., ModuleSource]) -> ModuleSource:
    source_of("STEP = 3", "far")
    return source_of(SOURCE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE", "2"),
        ("NAMES", "set('a','b')"),
        ("NESTED", "list(1,dict('x',tuple(2.5,None)))"),
        ("CACHE", ""),
        ("THING", ""),
        ("MIXED", ""),
        ("f", ""),
        ("STEP", ""),
        ("dataclasses", ""),
    ],
)
def test_plain_values_are_text_and_others_are_not(
    module: ModuleSource, name: str, value: str
) -> None:
    assert loaded_value(module, name) == value


def test_a_value_of_this_process_counts_and_not_that_of_the_source(module: ModuleSource) -> None:
    loaded = sys.modules["sample.functions"]
    loaded.RATE = 5  # type: ignore[attr-defined]
    assert loaded_value(module, "RATE") == "5"
    loaded.CACHE["a"] = 1  # type: ignore[attr-defined]
    assert loaded_value(module, "CACHE") == ""


@pytest.mark.parametrize("replacement", [lambda: 2, len, 7])
def test_a_function_that_was_replaced_is_unknown(module: ModuleSource, replacement: object) -> None:
    sys.modules["sample.functions"].f = replacement  # type: ignore[attr-defined]
    with pytest.raises(UnknownDependencyError, match="f was replaced by another function"):
        loaded_value(module, "f")


def test_an_imported_name_that_was_replaced_is_unknown(module: ModuleSource) -> None:
    sys.modules["sample.functions"].STEP = 4  # type: ignore[attr-defined]
    with pytest.raises(UnknownDependencyError, match="STEP was replaced by something else"):
        loaded_value(module, "STEP")


def test_a_module_that_is_not_loaded_has_no_values(
    module: ModuleSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sample.functions")
    assert loaded_value(module, "RATE") == ""
