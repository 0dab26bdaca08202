from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints.dependencies import (
    LOOSE,
    WHOLE,
    CodeDependencies,
    has_no_effects,
    packages_of,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
)

Sources = Callable[..., ModuleSource]
FAR = """
    STEP = 3

    def far(x): return x + STEP
    def lonely(x): return x
"""
NEAR, FARTHER = "sample.functions", "sample.far"


def test_a_definition_depends_on_what_it_uses_transitively(source_of: Sources) -> None:
    source_of(FAR, "far")
    source_of("from sample import far as helpers\ndef near(x): return helpers.far(x)\n")
    assert CodeDependencies().closure((NEAR, "near")) == {
        (NEAR, "near"),
        (NEAR, "helpers"),
        (FARTHER, "far"),
        (FARTHER, "STEP"),
    }


def test_two_functions_that_call_each_other_depend_on_both(source_of: Sources) -> None:
    source_of("def a(): return b()\ndef b(): return a()\n")
    code = CodeDependencies()
    assert code.closure((NEAR, "a")) == code.closure((NEAR, "b")) == {(NEAR, "a"), (NEAR, "b")}


def test_a_module_passed_whole_counts_whole(source_of: Sources) -> None:
    source_of(FAR, "far")
    source_of("from sample import far\ndef near(x): return getattr(far, x)\n")
    found = CodeDependencies().closure((NEAR, "near"))
    assert {(FARTHER, WHOLE), (FARTHER, "lonely")} <= found


def test_statements_that_run_at_import_count_for_every_definition(source_of: Sources) -> None:
    source_of("TABLE = {}\nTABLE['a'] = 1\ndef near(x): return x\n")
    assert (NEAR, LOOSE) in CodeDependencies().closure((NEAR, "near"))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("x + STEP", "x - STEP", False),
        ("STEP = 3", "STEP = 4", False),
        ("def lonely(x): return x", "def lonely(x): return -x", True),
        ("x + STEP", "x+STEP  # faster", True),
    ],
)
def test_the_digest_covers_what_is_used_and_nothing_else(
    source_of: Sources, old: str, new: str, same: bool
) -> None:
    assert old in FAR
    source_of(FAR, "far")
    source_of("from sample.far import far\ndef near(x): return far(x)\n")
    before = CodeDependencies().digest([(NEAR, "near")])
    source_of(FAR.replace(old, new), "far")
    source_of("from sample.far import far\ndef near(x): return far(x)\n")
    assert (CodeDependencies().digest([(NEAR, "near")]) == before) is same


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def near(): return absent", "uses 'absent', which it does not define"),
        ("def near(): return __file__", "uses __file__, which may refer to more than code"),
        ("import runpy\ndef near(): return runpy.run_path('x')", "runpy.run_path, which may load"),
        ("import sys\ndef near(): return sys.modules['x']", "sys.modules, which may load"),
    ],
)
def test_what_cannot_be_digested_is_an_error(source_of: Sources, text: str, reason: str) -> None:
    source_of(text)
    with pytest.raises(UnknownDependencyError, match=reason):
        CodeDependencies().digest([(NEAR, "near")])


def test_packages_are_imported_before_their_modules() -> None:
    assert packages_of("isthmus_transforms.runtime.plan") == [
        "isthmus_transforms",
        "isthmus_transforms.runtime",
    ]
    assert packages_of("json") == []


def test_contracts_and_the_runtime_have_no_effects_on_import() -> None:
    assert has_no_effects("isthmus_contracts.catalog")
    assert has_no_effects("isthmus_transforms.runtime.plan")
    assert not has_no_effects("isthmus_transforms.dataflows")
    assert not has_no_effects("isthmus_contracts_of_others")
