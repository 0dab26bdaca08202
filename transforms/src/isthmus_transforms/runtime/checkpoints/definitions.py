"""Which code computes something: a definition, and all of our own that it uses, however far."""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import inspect
import os
import sys
from collections.abc import Collection, Iterable, Iterator

from isthmus_transforms.runtime.checkpoints.modules import (
    DoubtError,
    Module,
    exists,
    imported_from,
    is_own,
    module_named,
)
from isthmus_transforms.runtime.checkpoints.uses import (
    Path,
    Uses,
    path_of,
    run_at_import,
    uses_of,
    writes_outside,
)

WHOLE, LOOSE = "*", ""
"""What stands for a name where all of a module is meant, or its statements that bind no name."""

Key = tuple[str, str]
"""A module and a name in it."""

_ITSELF: frozenset[Path] = frozenset({()})
_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir", "__doc__"}
_BEYOND_CODE = {"__import__", "__file__", "__path__", "__spec__", "__loader__"}
_LOADERS = {"importlib", "runpy", "pkgutil", "zipimport"}
_DECLARING = ("isthmus_contracts", "isthmus_transforms.runtime")
"""Importing them changes nothing outside of them."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None), dt.date, dt.datetime, dt.timedelta)


class Code:
    """Follow names through our own modules; what was found is kept for as long as this lives."""

    def __init__(self) -> None:
        self._modules: dict[str, Module | None] = {}
        self._uses: dict[int, Uses] = {}
        self._keys: dict[Key, frozenset[Key]] = {}
        self._texts: dict[Key, str] = {}
        self._closures: dict[Key, frozenset[Key]] = {}
        self._following: set[tuple[str, Path]] = set()

    def digest(self, keys: Iterable[Key]) -> str:
        """Return a digest of these definitions and all that they use; raise `DoubtError`."""
        found: set[Key] = set()
        for key in keys:
            found |= self._closure(key)
        digest = hashlib.sha256()
        for key in sorted(found):
            digest.update(f"{key[0]}:{key[1]}={self._text(key)}\n".encode())
        return digest.hexdigest()

    def effects(self, modules: Iterable[str]) -> set[Key]:
        """Return what may act on anything when these modules and all that they import are loaded.

        That is every statement that does more than bind a name, and every definition that hands
        itself to something of our own that keeps it, as in a registry.
        """
        waiting, seen, found = list(modules), set[str](), set[Key]()
        while waiting:
            name = waiting.pop()
            if name in seen or not is_own(name) or _declares(name):
                continue
            seen.add(name)
            waiting += _parents(name)
            module = self._module(name)
            if module is None:
                continue
            if module.loose:
                found.add((name, LOOSE))
            for statement in module.statements:
                waiting += _imported(module, statement)
            for bound, statements in module.definitions.items():
                if any(self._acts(module, each) for each in statements):
                    found.add((name, bound))
        return found

    def _acts(self, module: Module, statement: ast.stmt) -> bool:
        decorators = getattr(statement, "decorator_list", [])
        called = [each.func if isinstance(each, ast.Call) else each for each in decorators]
        for each in run_at_import(statement):
            root, path = path_of(each)
            if not isinstance(root, ast.Name):
                continue
            try:
                keys = set(self._resolved(module, root.id, {path}))
                if "mutate" in (path or (self._origin(module, root.id),)):
                    return True  # Hamilton's decorator that alters another function
                bound = module.definitions.get(root.id, ())
                imports = all(isinstance(one, ast.Import | ast.ImportFrom) for one in bound)
                if each in called and path and bound and not imports:
                    return True  # as in `@area.register`
                if any(self._writes(one) for key in keys for one in self._closure(key)):
                    return True
            except DoubtError:
                return True
        return False

    def _origin(self, module: Module, name: str) -> str:
        for statement in module.definitions.get(name, ()):
            if isinstance(statement, ast.ImportFrom):
                return next(
                    each.name for each in statement.names if (each.asname or each.name) == name
                )
        return name

    def _writes(self, key: Key) -> bool:
        module = self._module(key[0])
        if module is None or key[1] in {WHOLE, LOOSE}:
            return False  # it ran when its module was loaded, whoever calls what
        variables = frozenset(
            name
            for name, statements in module.definitions.items()
            for each in statements
            if _is_variable(module, each)
        )
        return any(
            writes_outside(each, self._uses_of(module, each), variables)
            for each in module.definitions[key[1]]
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        )

    def _closure(self, key: Key) -> frozenset[Key]:
        if key not in self._closures:
            found: set[Key] = set()
            waiting = [key]
            while waiting:
                each = waiting.pop()
                if each not in found:
                    found.add(each)
                    waiting += self._used(each)
            self._closures[key] = frozenset(found)
        return self._closures[key]

    def _used(self, key: Key) -> frozenset[Key]:
        if key not in self._keys:
            self._keys[key] = frozenset(self._find_used(*key))
        return self._keys[key]

    def _find_used(self, name: str, bound: str) -> Iterator[Key]:
        module = self._module(name)
        if module is None:
            return
        for each in (name, *_parents(name)):
            parent = self._module(each) if each == name or exists(each) else None
            if parent is not None and parent.loose and not (each != name and _declares(each)):
                yield each, LOOSE
        if bound == WHOLE:
            for each in module.definitions:
                yield from self._resolved(module, each, {()})
            for each in filter(is_own, module.stars):
                yield each, WHOLE
            return
        for statement in module.loose if bound == LOOSE else module.definitions[bound]:
            if bound == LOOSE or not isinstance(statement, ast.Import | ast.ImportFrom):
                yield from self._used_by(module, statement)

    def _used_by(self, module: Module, statement: ast.stmt) -> Iterator[Key]:
        uses = self._uses_of(module, statement)
        for name in uses.names:
            known = name in module.definitions or name in module.loosely
            if name in uses.stored and not known:
                continue
            yield from self._resolved(module, name, uses.paths.get(name, _ITSELF))
        for name in uses.hints & module.definitions.keys():
            yield from self._resolved(module, name, uses.paths.get(name, _ITSELF))
        for each in uses.imports:
            yield from self._of_import(module, each)

    def _of_import(self, module: Module, statement: ast.Import | ast.ImportFrom) -> Iterator[Key]:
        """Yield what an import inside of a statement may bring: all of it."""
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                yield from self._followed(alias.name, ())
            elif alias.name == "*":
                yield from self._followed(imported_from(module.package, statement), ())
            else:
                yield from self._followed(imported_from(module.package, statement), (alias.name,))

    def _resolved(self, module: Module, name: str, paths: Collection[Path]) -> Iterator[Key]:
        if name in module.definitions:
            yield module.name, name
            for statement in module.definitions[name]:
                for target, start in _targets(module, statement, name):
                    for path in paths:
                        yield from self._followed(target, (*start, *path))
        elif name in module.loosely:
            yield module.name, LOOSE
        elif name in _BEYOND_CODE:
            raise DoubtError(f"{module.name} uses {name}, which may lead to more than code")
        elif (
            name in _WHOLE_MODULE
            or "__getattr__" in module.definitions
            or any(map(is_own, module.stars))
        ):
            yield module.name, WHOLE
        elif not module.stars and not _is_builtin(name):
            raise DoubtError(f"{module.name} uses {name!r}, which it defines nowhere")

    def _followed(self, name: str, path: Path) -> Iterator[Key]:
        """Yield what an attribute of an imported module stands for."""
        if not is_own(name):
            whole = (*name.split("."), *path)
            harmless = whole[:2] == ("importlib", "metadata")
            if (whole[0] in _LOADERS and not harmless) or whole[:2] == ("sys", "modules"):
                raise DoubtError(f"it uses {'.'.join(whole)}, which may load any code or file")
            return
        module = self._module(name)
        if module is None and not path:
            raise DoubtError(f"it uses all of the folder {name}")
        if not path:
            yield name, WHOLE
            return
        if (name, path) in self._following:
            return  # a package that imports from itself, or two modules from each other
        self._following.add((name, path))
        try:
            yield from self._attribute(name, module, path)
        finally:
            self._following.discard((name, path))

    def _attribute(self, name: str, module: Module | None, path: Path) -> Iterator[Key]:
        submodule = f"{name}.{path[0]}"
        is_module = exists(submodule)
        if is_module:
            yield from self._followed(submodule, path[1:])
        if module is not None and (path[0] in module.definitions or not is_module):
            yield from self._resolved(module, path[0], {path[1:]})

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            self._modules[name] = module_named(name)
        return self._modules[name]

    def _uses_of(self, module: Module, statement: ast.stmt) -> Uses:
        found = self._uses.get(id(statement))
        if found is None:
            found = uses_of(statement, later_annotations=module.later_annotations)
            self._uses[id(statement)] = found
        return found

    def _text(self, key: Key) -> str:
        if key not in self._texts:
            self._texts[key] = self._find_text(*key)
        return self._texts[key]

    def _find_text(self, name: str, bound: str) -> str:
        module = self._module(name)
        if module is None:
            return ""
        if bound in {WHOLE, LOOSE}:
            found = module.statements if bound == WHOLE else module.loose
            return "\n".join(ast.dump(each) for each in found)
        parts = []
        for each in module.definitions[bound]:
            if isinstance(each, ast.Import | ast.ImportFrom):
                parts.append(repr(list(_targets(module, each, bound))))
            else:
                parts.append(ast.dump(each))
        return "\n".join([*parts, _live(module, bound)])


def _declares(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in _DECLARING)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts)) if exists(parts[0])]


def _imported(module: Module, statement: ast.stmt) -> Iterator[str]:
    """Yield the modules that a statement imports, if they exist."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = imported_from(module.package, node)
            yield name
            if is_own(name):
                parts = (f"{name}.{each.name}" for each in node.names)
                yield from (each for each in parts if exists(each))


def _targets(module: Module, statement: ast.stmt, name: str) -> Iterator[tuple[str, Path]]:
    """Yield which module, and what of it, an import binds to the name."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname == name:
                yield alias.name, ()
            elif alias.asname is None and alias.name.partition(".")[0] == name:
                yield name, ()
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            if (alias.asname or alias.name) == name:
                yield imported_from(module.package, statement), (alias.name,)


def _is_builtin(name: str) -> bool:
    builtins = sys.modules["builtins"]
    return hasattr(builtins, name) or name in {"__name__", "__package__", "__annotations__"}


def _is_variable(module: Module, statement: ast.stmt) -> bool:
    """Tell whether a definition may bind an object that can be changed; a logger is none."""
    if isinstance(statement, ast.ImportFrom):
        return is_own(imported_from(module.package, statement))
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    value = statement.value
    return not isinstance(value, ast.Call) or path_of(value.func)[1] != ("getLogger",)


def _live(module: Module, bound: str) -> str:
    """Return the value that a name has in this process, if it is plain data.

    Raise `DoubtError` if the name was given something else than what is written.
    """
    loaded = sys.modules.get(module.name)
    statements = module.definitions[bound]
    if loaded is None or bound not in vars(loaded):
        return ""
    value, statement = vars(loaded)[bound], statements[-1]
    match statement:
        case ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
            code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
            file = os.path.realpath(getattr(code, "co_filename", ""))
            if file != module.file or getattr(code, "co_firstlineno", 0) != statement.lineno:
                raise DoubtError(f"{module.name}.{bound} was replaced by another function")
        case ast.ImportFrom():
            for target, path in _targets(module, statement, bound):
                origin = vars(sys.modules[target]) if target in sys.modules else {}
                if is_own(target) and path[0] in origin and origin[path[0]] is not value:
                    raise DoubtError(f"{module.name}.{bound} was replaced by something else")
        case ast.Assign(value=written) | ast.AnnAssign(value=ast.expr() as written):
            # An empty one is filled while functions run, as a memory or a list of calls.
            return "" if _is_empty(written) else _plain(value) or ""
    return ""


def _is_empty(written: ast.expr) -> bool:
    match written:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return True
    return False


def _plain(value: object) -> str | None:
    """Return a text that tells plain values apart, or None if it holds other things."""
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, dict) and type(value) is dict:
        parts = [part for pair in value.items() for part in pair]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    else:
        return None
    texts = [_plain(each) for each in parts]
    known = [each for each in texts if each is not None]
    if len(known) < len(texts):
        return None
    if isinstance(value, set | frozenset):
        known.sort()
    return f"{type(value).__name__}({','.join(known)})"
