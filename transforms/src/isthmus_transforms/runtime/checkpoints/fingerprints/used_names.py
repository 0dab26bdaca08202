"""The names that a statement uses from outside of it, with the attributes that it takes of them."""

from __future__ import annotations
import __future__

import ast
import dis
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"}
_MUTATORS = {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop"} | {
    "popitem", "register", "remove", "setdefault", "update", "__setitem__", "__setattr__",
}  # fmt: skip

AttributePath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UsedNames:
    """The names that a statement uses.

    `names` are read when it runs, `hints` occur in annotations only; `paths` are the attributes
    taken of a name, `()` for the name itself; `stored` are names bound in class bodies; `imports`
    are import statements inside of it.
    """

    names: frozenset[str]
    hints: frozenset[str]
    stored: frozenset[str]
    paths: Mapping[str, frozenset[AttributePath]]
    imports: tuple[ast.Import | ast.ImportFrom, ...]


@lru_cache(maxsize=100_000)
def used_names(statement: ast.stmt, *, later_annotations: bool) -> UsedNames:
    """Return the names that the statement uses.

    `later_annotations` says whether its module postpones the evaluation of annotations.
    """
    flags = __future__.annotations.compiler_flag if later_annotations else 0
    tree = ast.Module([statement], [])
    names: set[str] = set()
    stored: set[str] = set()
    waiting = [compile(tree, "<definition>", "exec", flags, dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for instruction in dis.get_instructions(code):
            if instruction.opname in _LOADS:
                names.add(instruction.argval)
            elif instruction.opname == "STORE_NAME":
                stored.add(instruction.argval)
    paths: dict[str, set[AttributePath]] = {}
    for name, path in _paths(statement):
        paths.setdefault(name, set()).add(path)
    hints = set()
    imports = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom) and node is not statement:
            imports.append(node)
        for annotation in _annotations(node):
            for name, path in _hinted(annotation):
                hints.add(name)
                paths.setdefault(name, set()).add(path)
    return UsedNames(
        frozenset(names),
        frozenset(hints - names),
        frozenset(stored),
        {name: frozenset(found) for name, found in paths.items()},
        tuple(imports),
    )


def _paths(tree: ast.AST) -> Iterator[tuple[str, AttributePath]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Attribute | ast.Name):
            root, path = path_of(node)
            if isinstance(root, ast.Name):
                yield root.id, path
            else:
                waiting.append(root)
        else:
            waiting += ast.iter_child_nodes(node)


def path_of(node: ast.expr) -> tuple[ast.expr, AttributePath]:
    """Return the expression that a chain of attributes starts with, and the attributes."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    return node, tuple(path)


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.arg(annotation=ast.expr() as found):
            yield found
        case ast.AnnAssign(annotation=found):
            yield found
        case ast.FunctionDef(returns=ast.expr() as found):
            yield found
        case ast.AsyncFunctionDef(returns=ast.expr() as found):
            yield found


def _hinted(annotation: ast.expr) -> Iterator[tuple[str, AttributePath]]:
    yield from _paths(annotation)
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield from _paths(ast.parse(node.value, mode="eval"))
            except (SyntaxError, ValueError):
                continue  # for example, a value of a Literal


def run_at_import(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield what a statement calls when its module is imported."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            callers = statement.decorator_list
        case ast.ClassDef():
            keywords = [keyword.value for keyword in statement.keywords]
            callers = [*statement.decorator_list, *statement.bases, *keywords]
        case ast.Assign(value=value):
            callers = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
        case ast.AnnAssign(value=ast.expr() as value):
            callers = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
        case _:
            return
    for caller in callers:
        yield caller.func if isinstance(caller, ast.Call) else caller


def writes_outside(statement: ast.stmt, uses: UsedNames, variables: frozenset[str]) -> bool:
    """Return whether a function or class may change something outside of it.

    `variables` are the names of its module that are bound to objects; they may be changed by a
    method that is called as a statement, or by a method that is known to change its object.
    """
    if "setattr" in uses.names or "delattr" in uses.names:
        return True
    for node in ast.walk(statement):
        match node:
            case ast.Global():
                return True
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del())
                | ast.Subscript(ctx=ast.Store() | ast.Del())
            ):
                if _root_name(node) in uses.names:
                    return True
            case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
                if _root_name(function) in variables & uses.names:
                    return True
            case ast.Call(func=ast.Attribute(attr=attribute) as function):
                if attribute in _MUTATORS and _root_name(function) in variables & uses.names:
                    return True
    return False


def _root_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
