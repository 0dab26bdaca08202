from __future__ import annotations

import ast

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints.used_names import (
    UsedNames,
    path_of,
    run_at_import,
    used_names,
    writes_outside,
)


def _statement(text: str) -> ast.stmt:
    (statement,) = ast.parse(text).body
    return statement


def _used(text: str, *, later_annotations: bool = True) -> UsedNames:
    return used_names(_statement(text), later_annotations=later_annotations)


def test_globals_are_used_and_locals_are_not() -> None:
    used = _used("def f(x):\n    y = x + RATE\n    return [g(z) for z in range(y)]")
    assert used.names == {"RATE", "g", "range"}
    assert used.stored == {"f"}


def test_the_attributes_taken_of_a_name_are_its_paths() -> None:
    used = _used("def f(): return np.linalg.norm(near(np.array))")
    assert used.paths["np"] == {("linalg", "norm"), ("array",)}
    assert used.paths["near"] == {()}


def test_names_in_annotations_are_hints_also_as_text() -> None:
    used = _used("def f(a: Thing, b: 'other.Thing', c: Literal['no name']) -> Result: return 1")
    assert used.hints == {"Thing", "other", "Literal", "Result"}
    assert used.paths["other"] == {("Thing",)}


def test_annotations_that_are_evaluated_are_used() -> None:
    used = _used("def f(a: Thing): return 1", later_annotations=False)
    assert "Thing" in used.names
    assert used.hints == set()


def test_imports_inside_are_found_and_the_statement_itself_is_not_one() -> None:
    (inner,) = _used("def f():\n    from a import b\n    return b").imports
    assert isinstance(inner, ast.ImportFrom)
    assert _used("import a").imports == ()


def test_names_bound_in_a_class_body_are_stored() -> None:
    used = _used("class C:\n    one = 1\n    two = one")
    assert {"one", "two", "C"} <= used.stored


@pytest.mark.parametrize(
    ("text", "root", "path"), [("a.b.c", "a", ("b", "c")), ("a", "a", ()), ("f(x).y", None, ("y",))]
)
def test_a_chain_of_attributes_has_a_root(text: str, root: str | None, path: tuple[str]) -> None:
    statement = _statement(text)
    assert isinstance(statement, ast.Expr)
    found, attributes = path_of(statement.value)
    assert attributes == path
    assert (found.id if isinstance(found, ast.Name) else None) == root


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("@a.b\n@c(1)\ndef f(): return g()", ["a.b", "c"]),
        ("@a\nclass C(B, metaclass=M): pass", ["a", "B", "M"]),
        ("x = f(g(1))", ["f", "g"]),
        ("x: int = f()", ["f"]),
        ("x: int", []),
        ("import a", []),
    ],
)
def test_decorators_bases_and_calls_run_at_import(text: str, called: list[str]) -> None:
    assert [ast.unparse(call) for call in run_at_import(_statement(text))] == called


@pytest.mark.parametrize(
    ("body", "writes"),
    [
        ("global COUNT\n    COUNT = 1", True),
        ("TABLE['a'] = 1", True),
        ("del TABLE['a']", True),
        ("thing.part = 1", True),
        ("TABLE.update(a=1)", True),
        ("return TABLE.pop('a')", True),
        ("TABLE.anything()", True),
        ("setattr(thing, 'a', 1)", True),
        ("return TABLE.get('a')", False),
        ("own = {}\n    own['a'] = 1\n    return own", False),
        ("return RATE + 1", False),
    ],
)
def test_a_function_that_may_change_something_outside_is_recognized(
    body: str, writes: bool
) -> None:
    statement = _statement(f"def f():\n    {body}")
    used = used_names(statement, later_annotations=True)
    assert writes_outside(statement, used, frozenset({"TABLE"})) is writes
