from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints.dependencies import (
    LOOSE,
    CodeDependencies,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.import_effects import import_effects
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
)

Sources = Callable[..., ModuleSource]
NAME = "sample.functions"


def _effects(text: str, source_of: Sources) -> set[str]:
    source_of(text)
    return {bound for module, bound in import_effects(CodeDependencies(), [NAME]) if module == NAME}


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("RATE = 2\ndef f(): return RATE", set()),
        ("import functools\n@functools.cache\ndef f(): return 1", set()),
        ("import logging\nLOG = logging.getLogger('x')\ndef f(): return LOG", set()),
        ("TABLE = {}\nTABLE['a'] = 1", {LOOSE}),
        (
            (
                "TABLE = {}\ndef keep(f):\n    TABLE[f.__name__] = f\n    return f\n"
                "@keep\ndef one(): return 1\ndef two(): return 2"
            ),
            {"one"},
        ),
        (
            (
                "import functools\n@functools.singledispatch\ndef area(x): return 0\n"
                "@area.register\ndef of_int(x: int): return 1"
            ),
            {"of_int"},
        ),
        (
            (
                "from hamilton.function_modifiers import mutate as m\ndef a() -> int: return 1\n"
                "@m(a)\ndef _more(x: int) -> int: return x + 1"
            ),
            {"_more"},
        ),
    ],
)
def test_code_that_may_change_other_code_when_it_is_imported_is_found(
    source_of: Sources, text: str, effects: set[str]
) -> None:
    assert _effects(text, source_of) == effects


def test_effects_of_imported_modules_are_found_too(source_of: Sources) -> None:
    source_of("import pandas as pd\npd.set_option('display.width', 80)", "far")
    source_of("from sample import far\ndef f(): return 1")
    assert import_effects(CodeDependencies(), [NAME]) == {("sample.far", LOOSE)}


def test_libraries_and_the_runtime_are_not_searched() -> None:
    assert (
        import_effects(CodeDependencies(), ["pandas", "isthmus_transforms.runtime.plan"]) == set()
    )


def test_a_module_that_does_not_exist_is_unknown(source_of: Sources) -> None:
    source_of("a = 1")
    with pytest.raises(UnknownDependencyError, match=r"isthmus_transforms\.absent cannot be found"):
        import_effects(CodeDependencies(), ["isthmus_transforms.absent"])
