"""Which code computes something: a definition, and all of our own that it uses, however far."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Collection, Iterable, Iterator

from isthmus_transforms.runtime.checkpoints.live import as_it_is
from isthmus_transforms.runtime.checkpoints.modules import (
    Module,
    UnknownDependencyError,
    exists,
    import_targets,
    imported_from,
    is_own,
    module_named,
)
from isthmus_transforms.runtime.checkpoints.uses import (
    Path,
    Uses,
    uses_of,
)

WHOLE, LOOSE = "*", ""
"""What stands for a name where all of a module is meant, or its statements that bind no name."""

Key = tuple[str, str]
"""A module and a name in it."""

_ITSELF: frozenset[Path] = frozenset({()})
_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir", "__doc__"}
_NAMES_OF_MODULES = {"__name__", "__package__", "__annotations__", "__debug__"}
_LOADERS = {"importlib", "runpy", "pkgutil", "zipimport"}
_FACE = "isthmus_transforms.runtime"
"""What dataflows are declared with: no function computes with it."""
_DECLARING = ("isthmus_contracts", "isthmus_transforms.runtime")
"""Importing them changes nothing outside of them."""


class Code:
    """Follow names through our own modules; what was found is kept for as long as this lives."""

    def __init__(self) -> None:
        self._modules: dict[str, Module | None] = {}
        self._uses: dict[int, Uses] = {}
        self._keys: dict[Key, frozenset[Key]] = {}
        self._texts: dict[Key, str] = {}
        self._closures: dict[Key, frozenset[Key]] = {}
        self._before: dict[str, list[Key]] = {}
        self._following: set[tuple[str, Path]] = set()

    def digest(self, keys: Iterable[Key]) -> str:
        """Return a digest of these definitions and of all that they use.

        Raise `UnknownDependencyError` for what cannot be digested.
        """
        found: set[Key] = set()
        for key in keys:
            found |= self.closure(key)
        digest = hashlib.sha256()
        for key in sorted(found):
            digest.update(f"{key[0]}:{key[1]}={self._text(key)}\n".encode())
        return digest.hexdigest()

    def closure(self, key: Key) -> frozenset[Key]:
        """Return the definition and all that it uses, however far."""
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
        module = self.module(name)
        if module is None:
            return
        yield from self._run_before(name)
        if bound == WHOLE:
            for definition in module.definitions:
                yield from self.resolved(module, definition, {()})
            for each in filter(is_own, module.stars):
                yield each, WHOLE
            return
        for statement in module.loose if bound == LOOSE else module.definitions[bound]:
            if bound == LOOSE or not isinstance(statement, ast.Import | ast.ImportFrom):
                yield from self._used_by(module, statement)

    def _run_before(self, name: str) -> list[Key]:
        if name not in self._before:
            found = [(name, self.module(name))]
            found += [
                (parent, self.module(parent)) for parent in parents(name) if not declares(parent)
            ]
            self._before[name] = [
                (each, LOOSE) for each, module in found if module and module.loose
            ]
        return self._before[name]

    def _used_by(self, module: Module, statement: ast.stmt) -> Iterator[Key]:
        uses = self.uses_of(module, statement)
        for name in uses.names:
            known = name in module.definitions or name in module.loosely
            if name in uses.stored and not known:
                continue
            yield from self.resolved(module, name, uses.paths.get(name, _ITSELF))
        for name in uses.hints & module.definitions.keys():
            yield from self.resolved(module, name, uses.paths.get(name, _ITSELF))
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

    def resolved(self, module: Module, name: str, paths: Collection[Path]) -> Iterator[Key]:
        """Yield what a name in a module stands for, if these attributes of it are used."""
        if name in module.definitions:
            yield module.name, name
            for statement in module.definitions[name]:
                for target, start in import_targets(module, statement, name):
                    for path in paths:
                        yield from self._followed(target, (*start, *path))
        elif name in module.loosely:
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
                f"{module.name} uses {name}, which may lead to more than code"
            )
        elif not module.stars and not hasattr(builtins, name):
            raise UnknownDependencyError(f"{module.name} uses {name!r}, which it defines nowhere")

    def _followed(self, name: str, path: Path) -> Iterator[Key]:
        """Yield what an attribute of an imported module stands for."""
        if name == _FACE:
            return
        if not is_own(name):
            whole = (*name.split("."), *path)
            harmless = whole[:2] == ("importlib", "metadata")
            if (whole[0] in _LOADERS and not harmless) or whole[:2] == ("sys", "modules"):
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
            yield from self.resolved(module, path[0], {path[1:]})

    def module(self, name: str) -> Module | None:
        """Return the module of this name; see `module_named`."""
        if name not in self._modules:
            self._modules[name] = module_named(name)
        return self._modules[name]

    def uses_of(self, module: Module, statement: ast.stmt) -> Uses:
        """Return what the statement uses."""
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
        return "\n".join([*parts, as_it_is(module, bound)])


def declares(name: str) -> bool:
    """Tell whether importing the module changes nothing outside of it."""
    return any(name == each or name.startswith(f"{each}.") for each in _DECLARING)


def parents(name: str) -> list[str]:
    """Return the packages that are imported before a module is."""
    parts = name.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts))]
    return [each for each in names if exists(each)]
