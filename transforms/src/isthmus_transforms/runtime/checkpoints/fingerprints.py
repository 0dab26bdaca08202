"""Fingerprints: what a node's result depends on, in one number for each node."""

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
from isthmus_transforms.runtime.checkpoints import modules
from isthmus_transforms.runtime.checkpoints.definitions import WHOLE, Code, Key
from isthmus_transforms.runtime.checkpoints.effects import effects
from isthmus_transforms.runtime.checkpoints.modules import (
    Module,
    UnknownDependencyError,
    module_named,
    real_path,
)

_FORMAT = "1"
_READING = (
    "isthmus_transforms.runtime.frames.inputs",
    "isthmus_transforms.runtime.frames.partitions",
)
"""What turns the files of an input into a frame."""
_OUTWARD = ("hamilton.data_loader", "hamilton.data_saver")
_LIFECYCLES = ("generate", "inject", "expand", "transform", "decorate_nodes", "dynamic")
"""Where Hamilton keeps decorators on a function, but for those that choose the function itself."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Hold the fingerprint of each node that has one, and why the others have none."""

    of: Mapping[str, str]
    doubts: Mapping[str, str]


def fingerprints(
    nodes: Mapping[str, Node],
    inputs: Mapping[str, str | None],
    params: Mapping[str, ParamValue],
    beside: Iterable[Node] = (),
) -> Fingerprints:
    """Return a fingerprint of each of the nodes by name, which come after what they depend on.

    `inputs` holds a digest of what is given for a node, be it an input or a result carried over;
    None if it has none. What is in neither mapping and has no function is not given. `beside` are
    all nodes of the dataflow: their modules are loaded too, whichever of them a stage computes.
    """
    code = Code()
    loaded = (*nodes.values(), *beside)
    functions = {
        originating_function
        for node in loaded
        for originating_function in node.originating_functions or ()
    }
    try:
        around = _around(code, functions)
    except UnknownDependencyError as doubt:
        return Fingerprints({}, dict.fromkeys(nodes, str(doubt)))
    given = {name: _hash(["param", _text(value)]) for name, value in params.items()} | dict(inputs)
    config = _hash(sorted(f"{name}={_text(value)}" for name, value in params.items()))
    codes = _Codes(code)
    found: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for name, node in nodes.items():
        parts = [_FORMAT, around, name]
        try:
            if name in given:
                parts.append(_known(given[name], name))
            else:
                parts += [codes.of(node), config if _takes_config(node) else ""]
                parts += _of_dependencies(node, found, doubts)
            found[name] = _hash(parts)
        except UnknownDependencyError as doubt:
            doubts[name] = str(doubt)
    return Fingerprints(found, doubts)


def _known(digest: str | None, name: str) -> str:
    if digest is None:
        raise UnknownDependencyError(f"what is given for {name!r} cannot be told apart")
    return digest


def _of_dependencies(
    node: Node, found: Mapping[str, str], doubts: Mapping[str, str]
) -> Iterator[str]:
    for dependency in node.dependencies:
        name = dependency.name
        if name in doubts:
            raise UnknownDependencyError(f"it depends on {name!r}: {doubts[name]}")
        yield f"{name}={found.get(name, 'not given')}"


def _around(code: Code, functions: Iterable[Callable[..., object]]) -> str:
    """Return a digest of what may act on every node."""
    named = sorted({function.__module__ for function in functions})
    keys: set[Key] = {(each, WHOLE) for each in _READING}
    return _hash([environment(), code.digest(keys), code.digest(effects(code, named))])


class _Codes:
    """Give each node the digest of its code; nodes of one function share it."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._keys = _Keys()
        self._found: dict[tuple[Callable[..., object], ...], str | UnknownDependencyError] = {}

    def of(self, node: Node) -> str:
        """Return the digest, or raise `UnknownDependencyError`."""
        functions: tuple[Callable[..., object], ...] = node.originating_functions or ()
        if node.user_defined or not functions:
            raise UnknownDependencyError(
                f"no function of {node.name!r} is known, and it is not given"
            )
        if any(each in node.tags for each in _OUTWARD):
            raise UnknownDependencyError(
                f"node {node.name!r} reads or writes outside of the dataflow"
            )
        if functions not in self._found:
            try:
                keys = [key for function in functions for key in self._keys.of(function)]
                self._found[functions] = self._code.digest(keys)
            except UnknownDependencyError as doubt:
                self._found[functions] = doubt
        found = self._found[functions]
        if isinstance(found, UnknownDependencyError):
            raise found
        return found


class _Keys:
    """Find where functions are defined."""

    def __init__(self) -> None:
        self._modules: dict[str, Module | None] = {}
        self._names: dict[str, dict[int, list[str]]] = {}

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            loaded = sys.modules.get(name)
            self._modules[name] = None if loaded is None else module_named(name)
            names = self._names.setdefault(name, {})
            for each, value in vars(loaded).items() if loaded else ():
                names.setdefault(id(value), []).append(each)
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
        return [(module, each) for each in {name, *aliases} if each in found.definitions]


def _takes_config(node: Node) -> bool:
    """Tell whether decorators may have looked at any param when they made the node."""
    if node.namespace:
        return True
    for function in node.originating_functions or ():
        for lifecycle in _LIFECYCLES:
            for each in getattr(function, lifecycle, ()):
                if each.required_config() != [] or each.optional_config() != {}:
                    return True
    return False


@cache
def environment() -> str:
    """Return a digest of Python and every installed library; raise `UnknownDependencyError`.

    What was installed after this process started may not be what it runs.
    """
    found = []
    folders = set()
    for distribution in importlib.metadata.distributions():
        found.append(f"{distribution.metadata['Name']}=={distribution.version}")
        folders.add(str(distribution.locate_file("")))
    for folder in folders:
        if Path(folder).is_dir() and Path(folder).stat().st_ctime >= modules.STARTED:
            raise UnknownDependencyError(
                f"libraries in {folder} changed after this process started"
            )
    return _hash([sys.version, platform.machine(), *sorted(found)])


def _text(value: ParamValue) -> str:
    return f"{type(value).__name__}:{value!r}"


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
