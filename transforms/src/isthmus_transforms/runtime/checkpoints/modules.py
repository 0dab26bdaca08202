"""Modules as they are written: which of them are our own code, and what each one defines."""

from __future__ import annotations

import ast
import importlib.util
import os
import site
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from isthmus_transforms.errors import TransformError

OURS = ("isthmus_transforms", "isthmus_contracts")
"""Our own code wherever it is installed; other code is, unless it lies where libraries do."""


class UnknownDependencyError(TransformError):
    """Say why the code that computes something cannot be known for certain."""


def _started() -> float:
    """Return when this process started, or a little later: nothing of ours was read before.

    A process that was forked counts from this module's import, in its parent.
    """
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - (int(fields[19]) + 1) / ticks
        return time.time() - max(0.0, age)
    except (OSError, ValueError, IndexError, AttributeError):
        return time.time()


STARTED = _started()


@dataclass(frozen=True, slots=True)
class Module:
    """Hold the statements of a module by the names that they bind.

    `loose` are those that do more than bind a name; `loosely` the names that they may bind.
    """

    name: str
    package: str
    file: str
    definitions: Mapping[str, tuple[ast.stmt, ...]]
    loose: tuple[ast.stmt, ...]
    loosely: frozenset[str]
    stars: tuple[str, ...]
    later_annotations: bool

    @property
    def statements(self) -> Iterator[ast.stmt]:
        """Return every statement once."""
        seen = {id(result): result for found in self.definitions.values() for result in found}
        yield from seen.values()
        yield from self.loose


def is_own(name: str) -> bool:
    """Tell whether the module called `name` is code whose text must be looked at.

    It is not if it comes with Python or is installed as a library: there, the version speaks.
    """
    top = name.partition(".")[0]
    if top in OURS:
        return True
    return _lie_outside(tuple(_places(top) or _places(name)))


@cache
def _lie_outside(places: tuple[str, ...]) -> bool:
    return any(not place.startswith(_library_folders()) for place in places)


def _places(name: str) -> list[str]:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return []
    origin = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    if origin in {"built-in", "frozen"}:
        return []
    folders = getattr(spec, "submodule_search_locations", None) or ()
    return [real_path(each) for each in ([origin] if origin else folders)]


@lru_cache(maxsize=65536)
def real_path(path: str) -> str:
    """Return the path without links."""
    return os.path.realpath(path)


@cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages(), [site.getusersitepackages()])
    return tuple(f"{os.path.realpath(folder)}{os.sep}" for folder in folders)


def exists(name: str) -> bool:
    """Tell whether there is a module of this name."""
    return bool(_places(name))


def module_named(name: str) -> Module | None:
    """Return the module of our own called `name`; None of a folder without `__init__.py`.

    Raise `UnknownDependencyError` if its source cannot be read, or may not be what this process
    runs.
    """
    places = _places(name)
    if not places:
        raise UnknownDependencyError(f"module {name} cannot be found")
    file = places[0]
    path = Path(file)
    if path.is_dir():
        return None
    if not file.endswith(".py"):
        raise UnknownDependencyError(f"module {name} has no source: it is {path.name}")
    try:
        found = path.stat()
    except OSError as error:
        raise UnknownDependencyError(
            f"the source of module {name} cannot be read: {error}"
        ) from None
    if max(found.st_mtime, found.st_ctime) >= STARTED:
        raise UnknownDependencyError(
            f"{file} was changed after this process started, which may run the old one"
        )
    return _parsed(name, file, (found.st_mtime_ns, found.st_ctime_ns, found.st_size))


@lru_cache(maxsize=4096)
def _parsed(name: str, file: str, _stamp: tuple[int, int, int]) -> Module:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise UnknownDependencyError(
            f"the source of module {name} cannot be read: {error}"
        ) from None
    package = name if Path(file).name == "__init__.py" else name.rpartition(".")[0]
    definitions: dict[str, tuple[ast.stmt, ...]] = {}
    loose, stars, later = [], [], False
    for statement in _flattened(tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            stars.append(imported_from(package, statement))
            continue
        names = _bound(statement)
        if names is None:
            loose.append(statement)
            continue
        later = later or (_is_future(statement) and "annotations" in names)
        for each in names:
            definitions[each] = (*definitions.get(each, ()), statement)
    loosely = frozenset(each for statement in loose for each in _maybe_bound(statement))
    return Module(name, package, file, definitions, tuple(loose), loosely, tuple(stars), later)


def imported_from(package: str, statement: ast.ImportFrom) -> str:
    """Return the full name of the module that a `from` names."""
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, statement.module] if statement.module else parts)


def import_targets(
    module: Module, statement: ast.stmt, name: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
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


def _flattened(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements; what is there for type checkers only counts as if it stood outside."""
    for each in body:
        if isinstance(each, ast.If) and not each.orelse and _is_for_checkers(each.test):
            yield from _flattened(each.body)
        elif not isinstance(each, ast.Pass) and not (
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        ):
            yield each


def _is_for_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _bound(statement: ast.stmt) -> list[str] | None:
    """Return the names that a plain definition binds; None if the statement does more."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases):
            return [aliase.asname or aliase.name.partition(".")[0] for aliase in aliases]
        case ast.ImportFrom(names=aliases):
            return [aliase.asname or aliase.name for aliase in aliases]
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target, value=value):
            targets = [target]
            if value is None:
                return []
        case _ if type(statement).__name__ == "TypeAlias":  # there from Python 3.12 on
            targets = [getattr(statement, "name")]  # noqa: B009 - its type is unknown in 3.11
        case _:
            return None
    names = [name for target in targets for name in _targets(target)]
    sideways = any(isinstance(each, ast.NamedExpr) for each in ast.walk(statement))
    return None if sideways or "" in names else names


def _targets(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for each in parts:
                yield from _targets(each)
        case ast.Starred(value=part):
            yield from _targets(part)
        case _:
            yield ""


def _maybe_bound(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.stmt):
            yield from _bound(node) or ()
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
