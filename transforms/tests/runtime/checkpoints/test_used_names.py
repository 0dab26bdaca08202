from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.checkpoints.used_names import (
    has_docstring,
    named,
    used_values,
    words,
)

Modules = Callable[..., ModuleType]
HEAD = """
import numpy as np
import sys
RATE = 2
CUT = 3
class Limit: pass
def helper(x): return x
"""


def _used(module_of: Modules, text: str) -> dict[str, object]:
    return used_values(module_of(HEAD + text).f)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(x): return x", set()),
        ("def f(x): return helper(x) * RATE", {"helper", "RATE"}),
        ("def f(x): return x.helper + x.RATE", set()),
        ("def f(RATE): return RATE", set()),
        ("def f(x): return [RATE for y in x]", {"RATE"}),
        ("def f(x):\n    def g(): return RATE\n    return g", {"RATE"}),
        (
            "def f(x):\n    class C:\n        RATE = 1\n        b = RATE + CUT\n    return C",
            {"RATE", "CUT", "__name__"},
        ),
        ("def f(x): return len(x)", set()),
        ("def f(x): return np.array(x)", {"np"}),
        ("def f(x): return x['helper']", set()),
        ("def f(x: 'list[Limit]') -> 'RATE': return x", {"Limit", "RATE"}),
        ("def f(): return np.pi + np.float64(1)", {"np.pi", "np"}),
        ("def f(): return np.random.rand()", {"np.random.rand"}),
        ("def f(): return np.random.default_rng(1)", {"np.random"}),
        ("def f():\n    from random import choice, Random\n    return choice", {"random.choice"}),
        ("def f(x):\n    global RATE\n    RATE = x", {"RATE"}),
    ],
)
def test_the_globals_that_code_names_are_found(
    module_of: Modules, text: str, names: set[str]
) -> None:
    assert _used(module_of, text).keys() == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("price > @CUT", {"price", "CUT", "@CUT"}),
        ("f(x) + near.RATE", {"f", "@f", "x", "near", "@near", "RATE"}),
        ("The end. (1 of 2)", {"The", "end", "of"}),
        ("größe_2", {"größe_2"}),
    ],
)
def test_the_words_of_a_text_are_found_and_which_it_uses_as_code(
    text: str, expected: set[str]
) -> None:
    assert words(text) == expected


def test_a_text_names_data_and_what_else_it_uses_as_code(module_of: Modules) -> None:
    names = vars(module_of(HEAD))
    assert named(words("price > @CUT"), names) == [("CUT", 3)]
    assert named(words("helper"), names) == []
    assert named(words("helper(CUT) + sys.maxsize"), names) == [
        ("CUT", 3),
        ("helper", names["helper"]),
        ("sys", names["sys"]),
    ]


def test_data_that_is_added_to_the_builtins_counts(
    module_of: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.ADDED", 3, raising=False)
    assert _used(module_of, "def f(): return ADDED + len(str(1))") == {"ADDED": 3}


def test_more_than_256_names_are_found(module_of: Modules) -> None:
    names = [f"name_{number}" for number in range(300)]
    text = "\n".join(f"{name} = 1" for name in names)
    found = _used(module_of, f"{text}\ndef f(): return [{', '.join(names)}]")
    assert found.keys() == set(names)


def test_of_a_module_of_ours_the_attributes_count(module_of: Modules) -> None:
    near = module_of("def go(): return 1\ndef other(): return 2\n", "near")
    text = "from sample import near\nimport sample\n"
    package = module_of("", "__init__")
    package.near = near  # type: ignore[attr-defined]
    loaded = module_of(HEAD + "def f(): return near.go()\ndef g(x): return getattr(near, x)")
    loaded.near = near  # type: ignore[attr-defined]
    assert text
    assert used_values(loaded.f) == {"near.go": near.go}
    assert used_values(loaded.g) == {"near": near}


def test_imports_inside_of_functions_are_followed(
    module_of: Modules, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    near = module_of("def go(): return 1\n", "near")
    found = _used(module_of, "def f():\n    from sample.near import go\n    return go()")
    assert found == {"sample.near.go": near.go}
    found = _used(module_of, "def f():\n    import sample.near\n    return sample")
    assert found == {"sample.near": near}
    found = _used(module_of, "def f():\n    import no_such_library\n    return no_such_library")
    assert found == {"no_such_library": "absent"}


@pytest.mark.parametrize("name", ["globals", "vars", "eval", "exec"])
def test_a_function_that_may_use_any_name_uses_its_whole_module(
    module_of: Modules, name: str
) -> None:
    module = module_of(HEAD + f"def f(x): return {name}(x)")
    assert used_values(module.f) == {name: module}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(): return absent", "uses 'absent', which it does not define"),
        ("def f(): return __file__", "uses __file__, which may refer to more than code"),
        ("def f(): return __import__('x')", "uses '__import__', which it does not define"),
        ("def f():\n    import runpy\n    return runpy", "it uses runpy, which may load any code"),
        ("def f(): return sys.modules['x']", "uses sys.modules, which may load any code or file"),
    ],
)
def test_what_may_refer_to_more_than_can_be_known_is_an_error(
    module_of: Modules, text: str, reason: str
) -> None:
    with pytest.raises(UnknownDependencyError, match=rf"^(sample\.functions\.f )?{reason}"):
        _used(module_of, text)


def test_docstrings_are_recognized(module_of: Modules) -> None:
    module = module_of("def f():\n    'Text.'\ndef g(): return 'text'\nh = lambda: 'text'\n")
    assert has_docstring(module.f.__code__)
    assert not has_docstring(module.g.__code__)
    assert not has_docstring(module.h.__code__)
