"""Effects of imports: code that runs when a module is imported, and may change what others use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from isthmus_transforms.runtime.checkpoints.fingerprints.dependencies import (
    LOOSE,
    WHOLE,
    CodeDependencies,
    Key,
    has_no_effects,
    packages_of,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
    exists,
    imported_from,
    is_own,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.used_names import (
    path_of,
    run_at_import,
    writes_outside,
)


def import_effects(code: CodeDependencies, modules: Iterable[str]) -> set[Key]:
    """Return the code that may affect other code when these modules are imported, with theirs.

    That is every statement that does more than bind a name, and every definition that our own code
    stores, for example in a registry.
    """
    waiting, seen, found = list(modules), set[str](), set[Key]()
    while waiting:
        name = waiting.pop()
        if name in seen or not is_own(name) or has_no_effects(name):
            continue
        seen.add(name)
        waiting += packages_of(name)
        module = code.module(name)
        if module is None:
            continue
        if module.loose:
            found.add((name, LOOSE))
        for statement in module.statements:
            waiting += _imported(module, statement)
        for bound, statements in module.definitions.items():
            if any(_has_effect(code, module, statement) for statement in statements):
                found.add((name, bound))
    return found


def _has_effect(code: CodeDependencies, module: ModuleSource, statement: ast.stmt) -> bool:
    decorators = getattr(statement, "decorator_list", [])
    called = [
        decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in decorators
    ]
    for call in run_at_import(statement):
        root, path = path_of(call)
        if not isinstance(root, ast.Name):
            continue
        try:
            keys = set(code.resolved(module, root.id, {path}))
            if "mutate" in (path or (_origin(module, root.id),)):
                return True  # Hamilton's decorator that changes another function
            bound = module.definitions.get(root.id, ())
            imports = all(isinstance(node, ast.Import | ast.ImportFrom) for node in bound)
            if call in called and path and bound and not imports:
                return True  # as in `@area.register`
            if any(_writes(code, used) for key in keys for used in code.closure(key)):
                return True
        except UnknownDependencyError:
            return True
    return False


def _origin(module: ModuleSource, name: str) -> str:
    for statement in module.definitions.get(name, ()):
        if isinstance(statement, ast.ImportFrom):
            aliases = statement.names
            return next(alias.name for alias in aliases if (alias.asname or alias.name) == name)
    return name


def _writes(code: CodeDependencies, key: Key) -> bool:
    module = code.module(key[0])
    if module is None or key[1] in {WHOLE, LOOSE}:
        return False  # it runs when its module is loaded, not when it is called
    variables = frozenset(
        name
        for name, statements in module.definitions.items()
        for statement in statements
        if _is_variable(module, statement)
    )
    return any(
        writes_outside(definition, code.used_names(module, definition), variables)
        for definition in module.definitions[key[1]]
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def _imported(module: ModuleSource, statement: ast.stmt) -> Iterator[str]:
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
                parts = (f"{name}.{alias.name}" for alias in node.names)
                yield from (part for part in parts if exists(part))


def _is_variable(module: ModuleSource, statement: ast.stmt) -> bool:
    """Return whether a definition may bind a mutable object; a logger does not count."""
    if isinstance(statement, ast.ImportFrom):
        return is_own(imported_from(module.package, statement))
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    value = statement.value
    return not isinstance(value, ast.Call) or path_of(value.func)[1] != ("getLogger",)
