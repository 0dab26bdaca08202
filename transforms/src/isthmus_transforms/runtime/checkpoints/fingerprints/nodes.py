"""The fingerprint of a node: a digest of everything that its result depends on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.runtime.checkpoints.fingerprints import module_source
from isthmus_transforms.runtime.checkpoints.fingerprints.dependencies import (
    WHOLE,
    CodeDependencies,
    Key,
)
from isthmus_transforms.runtime.checkpoints.fingerprints.import_effects import import_effects
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
    module_named,
    real_path,
)

_FORMAT = "1"
_READERS = (
    "isthmus_transforms.runtime.frames.inputs",
    "isthmus_transforms.runtime.frames.partitions",
)
"""The modules that turn the files of an input into a frame."""
_EXTERNAL = ("hamilton.data_loader", "hamilton.data_saver")
_LIFECYCLES = ("generate", "inject", "expand", "transform", "decorate_nodes", "dynamic")
"""Attributes where Hamilton stores a function's decorators, except those that select functions."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The fingerprint of each node that has one; `missing` says why the others have none."""

    by_node: Mapping[str, str]
    missing: Mapping[str, str]


def fingerprint_nodes(
    nodes: Mapping[str, Node],
    inputs: Mapping[str, str | None],
    params: Mapping[str, ParamValue],
    loaded: Iterable[Node] = (),
) -> Fingerprints:
    """Return a fingerprint of each node by name; `nodes` come after their dependencies.

    `inputs` holds the digest of each input, None if it has none. A node without a function that is
    in neither mapping is an optional input that is not given. `loaded` are all nodes of the
    dataflow: their modules are loaded too, whichever of them a stage computes.
    """
    code = CodeDependencies()
    functions = {
        function
        for node in (*nodes.values(), *loaded)
        for function in node.originating_functions or ()
    }
    try:
        context = _context(code, functions)
    except UnknownDependencyError as error:
        return Fingerprints({}, dict.fromkeys(nodes, str(error)))
    given = {name: _hash(["param", _text(value)]) for name, value in params.items()} | dict(inputs)
    config = _hash(sorted(f"{name}={_text(value)}" for name, value in params.items()))
    digests = _FunctionDigests(code)
    by_node: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, node in nodes.items():
        parts = [_FORMAT, context, name]
        try:
            if name in given:
                parts.append(_digest_of_given(given[name], name))
            else:
                parts += [digests.of(node), config if _takes_config(node) else ""]
                parts += _dependencies(node, by_node, missing)
            by_node[name] = _hash(parts)
        except UnknownDependencyError as error:
            missing[name] = str(error)
    return Fingerprints(by_node, missing)


def _digest_of_given(digest: str | None, name: str) -> str:
    if digest is None:
        raise UnknownDependencyError(f"the rows of input {name!r} have no exact digest")
    return digest


def _dependencies(
    node: Node, by_node: Mapping[str, str], missing: Mapping[str, str]
) -> Iterator[str]:
    for dependency in node.dependencies:
        name = dependency.name
        if name in missing:
            raise UnknownDependencyError(f"it depends on {name!r}: {missing[name]}")
        yield f"{name}={by_node.get(name, 'not given')}"


def _context(code: CodeDependencies, functions: Iterable[Callable[..., object]]) -> str:
    """Return a digest of everything that may affect every node."""
    modules = sorted({function.__module__ for function in functions})
    readers: set[Key] = {(module, WHOLE) for module in _READERS}
    effects = import_effects(code, modules)
    return _hash([environment(), code.digest(readers), code.digest(effects)])


class _FunctionDigests:
    """The digest of each node's code; nodes of the same functions share it."""

    def __init__(self, code: CodeDependencies) -> None:
        self._code = code
        self._definitions = _Definitions()
        self._found: dict[tuple[Callable[..., object], ...], str | UnknownDependencyError] = {}

    def of(self, node: Node) -> str:
        """Return the digest, or raise `UnknownDependencyError`."""
        functions: tuple[Callable[..., object], ...] = node.originating_functions or ()
        if node.user_defined or not functions:
            raise UnknownDependencyError(f"node {node.name!r} has no function, and it is not given")
        if any(tag in node.tags for tag in _EXTERNAL):
            raise UnknownDependencyError(
                f"node {node.name!r} reads or writes outside of the dataflow"
            )
        if functions not in self._found:
            try:
                keys = [key for function in functions for key in self._definitions.of(function)]
                self._found[functions] = self._code.digest(keys)
            except UnknownDependencyError as error:
                self._found[functions] = error
        found = self._found[functions]
        if isinstance(found, UnknownDependencyError):
            raise found
        return found


class _Definitions:
    """Finds where functions are defined."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleSource | None] = {}
        self._names: dict[str, dict[int, list[str]]] = {}

    def _module(self, name: str) -> ModuleSource | None:
        if name not in self._modules:
            loaded = sys.modules.get(name)
            self._modules[name] = None if loaded is None else module_named(name)
            names = self._names.setdefault(name, {})
            for bound, value in vars(loaded).items() if loaded else ():
                names.setdefault(id(value), []).append(bound)
        return self._modules[name]

    def of(self, function: Callable[..., object]) -> list[Key]:
        """Return the names that the function has in its module."""
        inner = inspect.unwrap(function)
        module, name = function.__module__, function.__qualname__
        defined = getattr(inner, "__code__", None)
        found = self._module(module)
        if found is None or defined is None or real_path(defined.co_filename) != found.file:
            raise UnknownDependencyError(f"the source of {name} in {module} cannot be found")
        if name not in found.definitions or getattr(inner, "__closure__", None):
            raise UnknownDependencyError(f"{name} in {module} is made by another function")
        aliases = self._names[module].get(id(function), [])
        return [(module, bound) for bound in {name, *aliases} if bound in found.definitions]


def _takes_config(node: Node) -> bool:
    """Return whether decorators may have used any param when they made the node."""
    if node.namespace:
        return True
    for function in node.originating_functions or ():
        for lifecycle in _LIFECYCLES:
            for decorator in getattr(function, lifecycle, ()):
                if decorator.required_config() != [] or decorator.optional_config() != {}:
                    return True
    return False


@cache
def environment() -> str:
    """Return a digest of the versions of Python and of every installed library.

    Raise `UnknownDependencyError` if a library was installed after this process started: the
    process may run another version.
    """
    found = []
    folders = set()
    for distribution in importlib.metadata.distributions():
        found.append(f"{distribution.metadata['Name']}=={distribution.version}")
        folders.add(str(distribution.locate_file("")))
    for folder in folders:
        if Path(folder).is_dir() and Path(folder).stat().st_ctime >= module_source.STARTED:
            raise UnknownDependencyError(
                f"libraries in {folder} changed after this process started"
            )
    return _hash([sys.version, platform.machine(), *sorted(found)])


def _text(value: ParamValue) -> str:
    return f"{type(value).__name__}:{value!r}"


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
