"""The source of modules: which modules are our own code, and what each one defines."""

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
"""Our own code wherever it is installed; other code is ours if it is not among the libraries."""


class UnknownDependencyError(TransformError):
    """Report why the code that computes something cannot be determined exactly."""


def _started() -> float:
    """Return when this process started, or slightly later, before it read any of our code.

    In a forked process, it is the start of the process that imported this module.
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
class ModuleSource:
    """The statements of a module by the names that they bind.

    `loose` are those that do more than bind a name; `loose_names` are the names that they may bind.
    `stars` are the modules of its `from ... import *`.
    """

    name: str
    package: str
    file: str
    definitions: Mapping[str, tuple[ast.stmt, ...]]
    loose: tuple[ast.stmt, ...]
    loose_names: frozenset[str]
    stars: tuple[str, ...]
    later_annotations: bool

    @property
    def statements(self) -> Iterator[ast.stmt]:
        """Return every statement once."""
        seen = {
            id(statement): statement
            for statements in self.definitions.values()
            for statement in statements
        }
        yield from seen.values()
        yield from self.loose


def is_own(name: str) -> bool:
    """Return whether the module called `name` is code whose source is digested.

    Python's own modules and installed libraries are not: their versions are digested instead.
    """
    top = name.partition(".")[0]
    if top in OURS:
        return True
    return _outside_libraries(tuple(_locations(top) or _locations(name)))


@cache
def _outside_libraries(locations: tuple[str, ...]) -> bool:
    return any(not location.startswith(_library_folders()) for location in locations)


def _locations(name: str) -> list[str]:
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
    return [real_path(path) for path in ([origin] if origin else folders)]


@lru_cache(maxsize=65536)
def real_path(path: str) -> str:
    """Return the path without symbolic links."""
    return os.path.realpath(path)


@cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages(), [site.getusersitepackages()])
    return tuple(f"{os.path.realpath(folder)}{os.sep}" for folder in folders)


def exists(name: str) -> bool:
    """Return whether there is a module of this name."""
    return bool(_locations(name))


def module_named(name: str) -> ModuleSource | None:
    """Return our own module called `name`, or None for a folder without `__init__.py`.

    Raise `UnknownDependencyError` if its source cannot be read, or if this process may run an older
    version of it.
    """
    locations = _locations(name)
    if not locations:
        raise UnknownDependencyError(f"module {name} cannot be found")
    file = locations[0]
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
            f"{file} changed after this process started, which may run the older version"
        )
    return _parsed(name, file, (found.st_mtime_ns, found.st_ctime_ns, found.st_size))


@lru_cache(maxsize=4096)
def _parsed(name: str, file: str, _stamp: tuple[int, int, int]) -> ModuleSource:
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
        for bound in names:
            definitions[bound] = (*definitions.get(bound, ()), statement)
    loose_names = frozenset(bound for statement in loose for bound in _maybe_bound(statement))
    return ModuleSource(
        name, package, file, definitions, tuple(loose), loose_names, tuple(stars), later
    )


def imported_from(package: str, statement: ast.ImportFrom) -> str:
    """Return the full name of the module that a `from` names."""
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, statement.module] if statement.module else parts)


def import_targets(
    module: ModuleSource, statement: ast.stmt, name: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the module, and the attribute of it, that an import binds to the name."""
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
    """Yield statements, with those of `if TYPE_CHECKING` in its place."""
    for statement in body:
        if (
            isinstance(statement, ast.If)
            and not statement.orelse
            and _is_type_check(statement.test)
        ):
            yield from _flattened(statement.body)
        elif not isinstance(statement, ast.Pass) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            yield statement


def _is_type_check(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _bound(statement: ast.stmt) -> list[str] | None:
    """Return the names that a definition binds, or None if the statement does more."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        case ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target, value=value):
            targets = [target]
            if value is None:
                return []
        case _ if type(statement).__name__ == "TypeAlias":  # from Python 3.12 on
            targets = [getattr(statement, "name")]  # noqa: B009 - its type is unknown in 3.11
        case _:
            return None
    names = [name for target in targets for name in _targets(target)]
    binds_inside = any(isinstance(node, ast.NamedExpr) for node in ast.walk(statement))
    return None if binds_inside or "" in names else names


def _targets(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for element in parts:
                yield from _targets(element)
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
