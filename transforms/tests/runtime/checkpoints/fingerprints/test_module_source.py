from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
    exists,
    import_targets,
    imported_from,
    is_own,
    module_named,
)

Sources = Callable[..., ModuleSource]


def test_statements_are_found_by_the_names_that_they_bind(source_of: Sources) -> None:
    module = source_of("""
        from __future__ import annotations
        import os.path as paths
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from decimal import Decimal

        first, *others = [1, 2]
        limit: int = 3

        def f() -> int: return 1
        class C: pass
    """)
    assert set(module.definitions) == {
        *("annotations", "paths", "TYPE_CHECKING", "Decimal", "first", "others", "limit"),
        *("f", "C"),
    }
    assert (module.name, module.package) == ("sample.functions", "sample")
    assert (module.loose, module.stars) == ((), ())
    assert module.later_annotations
    assert len(list(module.statements)) == 8  # `first, *others` is one


def test_a_statement_that_does_more_than_bind_a_name_is_loose(source_of: Sources) -> None:
    module = source_of("""
        TABLE = {}
        TABLE["one"] = 1
        if TABLE:
            chosen = 1
        else:
            chosen = 2
        text = (length := 3)
        "a text alone is nothing"
    """)
    assert set(module.definitions) == {"TABLE"}
    assert [type(statement) for statement in module.loose] == [ast.Assign, ast.If, ast.Assign]
    assert module.loose_names == {"chosen", "length", "text"}
    assert not module.later_annotations


def test_names_imported_with_a_star_are_those_of_another_module(source_of: Sources) -> None:
    source_of("far = 1", "far")
    assert source_of("from sample.far import *").stars == ("sample.far",)


def test_imports_are_resolved(source_of: Sources) -> None:
    module = source_of("import os.path\nimport json as j\nfrom decimal import Decimal as D\n")

    def targets(name: str) -> list[tuple[str, tuple[str, ...]]]:
        (statement,) = module.definitions[name]
        return list(import_targets(module, statement, name))

    assert targets("os") == [("os", ())]
    assert targets("j") == [("json", ())]
    assert targets("D") == [("decimal", ("Decimal",))]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from a.b import c", "a.b"),
        ("from . import c", "sample.inner"),
        ("from .far import c", "sample.inner.far"),
        ("from ..far import c", "sample.far"),
    ],
)
def test_relative_imports_are_relative_to_the_package(statement: str, name: str) -> None:
    (node,) = ast.parse(statement).body
    assert isinstance(node, ast.ImportFrom)
    assert imported_from("sample.inner", node) == name


@pytest.mark.parametrize("name", ["json", "sys", "pandas", "hamilton.node", "no_such_module"])
def test_the_standard_library_and_installed_libraries_are_not_our_own(name: str) -> None:
    assert not is_own(name)


@pytest.mark.usefixtures("source_of")
def test_our_packages_and_what_lies_outside_libraries_are_our_own(source_of: Sources) -> None:
    source_of("a = 1")
    assert is_own("isthmus_transforms.dataflows")
    assert is_own("isthmus_contracts")
    assert is_own("sample.functions")
    assert exists("sample.functions")
    assert not exists("sample.nothing")


def test_a_module_that_does_not_exist_is_unknown() -> None:
    with pytest.raises(UnknownDependencyError, match="module no_such_module cannot be found"):
        module_named("no_such_module")


def test_a_compiled_module_has_no_source() -> None:
    with pytest.raises(UnknownDependencyError, match=r"module math|module pyarrow\.lib"):
        module_named("pyarrow.lib")


def test_a_source_that_is_newer_than_the_process_is_unknown(
    module_of: Callable[[str], object],
) -> None:
    module_of("a = 1")
    with pytest.raises(UnknownDependencyError, match="changed after this process started"):
        module_named("sample.functions")


def test_a_source_that_changes_is_read_again(source_of: Sources, tmp_path: Path) -> None:
    assert set(source_of("a = 1").definitions) == {"a"}
    path = tmp_path / "sample" / "functions.py"
    path.write_text("b = 1\n")
    os.utime(path, (1, 1))
    found = module_named("sample.functions")
    assert found is not None
    assert set(found.definitions) == {"b"}


@pytest.mark.parametrize("content", [b"def (", b"\xff = 1", b"a = \0"])
def test_a_source_that_is_not_python_is_unknown(
    source_of: Sources, tmp_path: Path, content: bytes
) -> None:
    source_of("a = 1")
    (tmp_path / "sample" / "functions.py").write_bytes(content)
    with pytest.raises(UnknownDependencyError, match=r"sample\.functions cannot be read"):
        module_named("sample.functions")
