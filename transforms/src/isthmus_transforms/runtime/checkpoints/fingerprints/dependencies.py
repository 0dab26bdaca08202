"""The code that a definition depends on: all of our own definitions that it uses, transitively."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Collection, Iterable, Iterator

from isthmus_transforms.runtime.checkpoints.fingerprints.loaded_values import loaded_value
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
    exists,
    import_targets,
    imported_from,
    is_own,
    module_named,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.used_names import (
    AttributePath,
    UsedNames,
    used_names,
)

WHOLE, LOOSE = "*", ""
"""Keys that are not names: a whole module, and its statements that do more than bind a name."""

Key = tuple[str, str]
"""A module and a name in it."""

_NO_ATTRIBUTE: frozenset[AttributePath] = frozenset({()})
_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir", "__doc__"}
_NAMES_OF_MODULES = {"__name__", "__package__", "__annotations__", "__debug__"}
_LOADERS = {"importlib", "runpy", "pkgutil", "zipimport"}
_RUNTIME = "isthmus_transforms.runtime"
"""Dataflows are declared with it; their functions do not compute with it."""
_WITHOUT_EFFECTS = ("isthmus_contracts", "isthmus_transforms.runtime")
"""Importing them changes nothing outside of them."""


class CodeDependencies:
    """Follows names through our own modules, and caches what it finds."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleSource | None] = {}
        self._used_names: dict[int, UsedNames] = {}
        self._keys: dict[Key, frozenset[Key]] = {}
        self._texts: dict[Key, str] = {}
        self._closures: dict[Key, frozenset[Key]] = {}
        self._on_import: dict[str, list[Key]] = {}
        self._following: set[tuple[str, AttributePath]] = set()

    def digest(self, keys: Iterable[Key]) -> str:
        """Return a digest of these definitions and everything that they use.

        Raise `UnknownDependencyError` if a part of it cannot be digested.
        """
        found: set[Key] = set()
        for key in keys:
            found |= self.closure(key)
        digest = hashlib.sha256()
        for key in sorted(found):
            digest.update(f"{key[0]}:{key[1]}={self._text(key)}\n".encode())
        return digest.hexdigest()

    def closure(self, key: Key) -> frozenset[Key]:
        """Return the definition and everything that it uses, transitively."""
        if key not in self._closures:
            found: set[Key] = set()
            waiting = [key]
            while waiting:
                used = waiting.pop()
                if used not in found:
                    found.add(used)
                    waiting += self._used(used)
            self._closures[key] = frozenset(found)
        return self._closures[key]

    def _used(self, key: Key) -> frozenset[Key]:
        if key not in self._keys:
            self._keys[key] = frozenset(self._find_used(*key))
        return self._keys[key]

    def _find_used(self, name: str, bound: str) -> Iterator[Key]:
        module = self.module(name)
        if module is None:
            return
        yield from self._run_on_import(name)
        if bound == WHOLE:
            for definition in module.definitions:
                yield from self.resolved(module, definition, {()})
            for starred in filter(is_own, module.stars):
                yield starred, WHOLE
            return
        for statement in module.loose if bound == LOOSE else module.definitions[bound]:
            if bound == LOOSE or not isinstance(statement, ast.Import | ast.ImportFrom):
                yield from self._used_by(module, statement)

    def _run_on_import(self, name: str) -> list[Key]:
        if name not in self._on_import:
            found = [(name, self.module(name))]
            found += [
                (package, self.module(package))
                for package in packages_of(name)
                if not has_no_effects(package)
            ]
            self._on_import[name] = [
                (imported, LOOSE) for imported, module in found if module and module.loose
            ]
        return self._on_import[name]

    def _used_by(self, module: ModuleSource, statement: ast.stmt) -> Iterator[Key]:
        uses = self.used_names(module, statement)
        for name in uses.names:
            known = name in module.definitions or name in module.loose_names
            if name in uses.stored and not known:
                continue
            yield from self.resolved(module, name, uses.paths.get(name, _NO_ATTRIBUTE))
        for name in uses.hints & module.definitions.keys():
            yield from self.resolved(module, name, uses.paths.get(name, _NO_ATTRIBUTE))
        for imported in uses.imports:
            yield from self._imported(module, imported)

    def _imported(
        self, module: ModuleSource, statement: ast.Import | ast.ImportFrom
    ) -> Iterator[Key]:
        """Yield what an import inside a statement may provide: all of it."""
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                yield from self._follow(alias.name, ())
            elif alias.name == "*":
                yield from self._follow(imported_from(module.package, statement), ())
            else:
                yield from self._follow(imported_from(module.package, statement), (alias.name,))

    def resolved(
        self, module: ModuleSource, name: str, paths: Collection[AttributePath]
    ) -> Iterator[Key]:
        """Yield the definitions behind a name in a module of which these attributes are used."""
        if name in module.definitions:
            yield module.name, name
            for statement in module.definitions[name]:
                for target, start in import_targets(module, statement, name):
                    for path in paths:
                        yield from self._follow(target, (*start, *path))
        elif name in module.loose_names:
            yield module.name, LOOSE
        elif (
            name in _WHOLE_MODULE
            or "__getattr__" in module.definitions
            or any(map(is_own, module.stars))
        ):
            yield module.name, WHOLE
        elif name in _NAMES_OF_MODULES:
            return
        elif name.startswith("__"):
            raise UnknownDependencyError(
                f"{module.name} uses {name}, which may refer to more than code"
            )
        elif not module.stars and not hasattr(builtins, name):
            raise UnknownDependencyError(f"{module.name} uses {name!r}, which it does not define")

    def _follow(self, name: str, path: AttributePath) -> Iterator[Key]:
        """Yield the definitions behind an attribute of an imported module."""
        if name == _RUNTIME:
            return
        if not is_own(name):
            whole = (*name.split("."), *path)
            allowed = whole[:2] == ("importlib", "metadata")
            if (whole[0] in _LOADERS and not allowed) or whole[:2] == ("sys", "modules"):
                raise UnknownDependencyError(
                    f"it uses {'.'.join(whole)}, which may load any code or file"
                )
            return
        module = self.module(name)
        if module is None and not path:
            raise UnknownDependencyError(f"it uses all of the folder {name}")
        if not path:
            yield name, WHOLE
            return
        if (name, path) in self._following:
            return  # a package imports from itself, or two modules from each other
        self._following.add((name, path))
        try:
            yield from self._attribute(name, module, path)
        finally:
            self._following.discard((name, path))

    def _attribute(
        self, name: str, module: ModuleSource | None, path: AttributePath
    ) -> Iterator[Key]:
        submodule = f"{name}.{path[0]}"
        is_module = exists(submodule)
        if is_module:
            yield from self._follow(submodule, path[1:])
        if module is not None and (path[0] in module.definitions or not is_module):
            yield from self.resolved(module, path[0], {path[1:]})

    def module(self, name: str) -> ModuleSource | None:
        """Return the module of this name, as `module_named` does."""
        if name not in self._modules:
            self._modules[name] = module_named(name)
        return self._modules[name]

    def used_names(self, module: ModuleSource, statement: ast.stmt) -> UsedNames:
        """Return the names that the statement uses."""
        found = self._used_names.get(id(statement))
        if found is None:
            found = used_names(statement, later_annotations=module.later_annotations)
            self._used_names[id(statement)] = found
        return found

    def _text(self, key: Key) -> str:
        if key not in self._texts:
            self._texts[key] = self._find_text(*key)
        return self._texts[key]

    def _find_text(self, name: str, bound: str) -> str:
        module = self.module(name)
        if module is None:
            return ""
        if bound in {WHOLE, LOOSE}:
            found = module.statements if bound == WHOLE else module.loose
            return "\n".join(ast.dump(result) for result in found)
        parts = []
        for definition in module.definitions[bound]:
            if isinstance(definition, ast.Import | ast.ImportFrom):
                parts.append(repr(list(import_targets(module, definition, bound))))
            else:
                parts.append(ast.dump(definition))
        return "\n".join([*parts, loaded_value(module, bound)])


def has_no_effects(name: str) -> bool:
    """Return whether importing the module changes nothing outside of it."""
    return any(name == package or name.startswith(f"{package}.") for package in _WITHOUT_EFFECTS)


def packages_of(name: str) -> list[str]:
    """Return the packages that are imported before a module is."""
    parts = name.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts))]
    return [package for package in names if exists(package)]
