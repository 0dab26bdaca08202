"""What acts from afar: code that runs when modules are loaded, and may change what others use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from isthmus_transforms.runtime.checkpoints.definitions import (
    LOOSE,
    WHOLE,
    Code,
    Key,
    declares,
    parents,
)
from isthmus_transforms.runtime.checkpoints.modules import (
    Module,
    UnknownDependencyError,
    exists,
    imported_from,
    is_own,
)
from isthmus_transforms.runtime.checkpoints.uses import path_of, run_at_import, writes_outside


def effects(code: Code, modules: Iterable[str]) -> set[Key]:
    """Return what may act on anything when these modules and all that they import are loaded.

    That is every statement that does more than bind a name, and every definition that hands
    itself to something of our own that keeps it, as in a registry.
    """
    waiting, seen, found = list(modules), set[str](), set[Key]()
    while waiting:
        name = waiting.pop()
        if name in seen or not is_own(name) or declares(name):
            continue
        seen.add(name)
        waiting += parents(name)
        module = code.module(name)
        if module is None:
            continue
        if module.loose:
            found.add((name, LOOSE))
        for statement in module.statements:
            waiting += _imported(module, statement)
        for bound, statements in module.definitions.items():
            if any(_acts(code, module, statement) for statement in statements):
                found.add((name, bound))
    return found


def _acts(code: Code, module: Module, statement: ast.stmt) -> bool:
    decorators = getattr(statement, "decorator_list", [])
    called = [
        decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in decorators
    ]
    for each in run_at_import(statement):
        root, path = path_of(each)
        if not isinstance(root, ast.Name):
            continue
        try:
            keys = set(code.resolved(module, root.id, {path}))
            if "mutate" in (path or (_origin(module, root.id),)):
                return True  # Hamilton's decorator that alters another function
            bound = module.definitions.get(root.id, ())
            imports = all(isinstance(one, ast.Import | ast.ImportFrom) for one in bound)
            if each in called and path and bound and not imports:
                return True  # as in `@area.register`
            if any(_writes(code, one) for key in keys for one in code.closure(key)):
                return True
        except UnknownDependencyError:
            return True
    return False


def _origin(module: Module, name: str) -> str:
    for statement in module.definitions.get(name, ()):
        if isinstance(statement, ast.ImportFrom):
            return next(each.name for each in statement.names if (each.asname or each.name) == name)
    return name


def _writes(code: Code, key: Key) -> bool:
    module = code.module(key[0])
    if module is None or key[1] in {WHOLE, LOOSE}:
        return False  # it ran when its module was loaded, whoever calls what
    variables = frozenset(
        name
        for name, statements in module.definitions.items()
        for statement in statements
        if _is_variable(module, statement)
    )
    return any(
        writes_outside(definition, code.uses_of(module, definition), variables)
        for definition in module.definitions[key[1]]
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def _imported(module: Module, statement: ast.stmt) -> Iterator[str]:
    """Yield the modules that a statement imports, if they exist."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = imported_from(module.package, node)
            yield name
            if is_own(name):
                parts = (f"{name}.{each.name}" for each in node.names)
                yield from (part for part in parts if exists(part))


def _is_variable(module: Module, statement: ast.stmt) -> bool:
    """Tell whether a definition may bind an object that can be changed; a logger is none."""
    if isinstance(statement, ast.ImportFrom):
        return is_own(imported_from(module.package, statement))
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    value = statement.value
    return not isinstance(value, ast.Call) or path_of(value.func)[1] != ("getLogger",)
