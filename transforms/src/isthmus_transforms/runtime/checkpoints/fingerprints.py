"""Fingerprints: what a node's result depends on, in one number for each node."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from hamilton.graph import FunctionGraph
from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.runtime.checkpoints.definitions import Code, Key
from isthmus_transforms.runtime.checkpoints.modules import STARTED, DoubtError, module_named

_FORMAT = "1"
_READING = ("isthmus_transforms.runtime.inputs", "isthmus_transforms.runtime.partitions")
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
    graph: FunctionGraph,  # noqa: ARG001 - the nodes know each other
    nodes: Sequence[Node],
    inputs: Mapping[str, str | None],
    params: Mapping[str, ParamValue],
) -> Fingerprints:
    """Return a fingerprint of each of the nodes, which come after what they depend on.

    `inputs` holds a digest of what is given for a node, be it an input or a result carried over;
    None if it has none. What is in neither mapping and has no function is not given.
    """
    code, given = Code(), dict(inputs)
    values = {name: _text(value) for name, value in params.items()}
    found: dict[str, str] = {}
    doubts: dict[str, str] = {}
    functions = [each for node in nodes for each in node.originating_functions or ()]
    try:
        around = _around(code, functions)
    except DoubtError as doubt:
        return Fingerprints({}, {node.name: str(doubt) for node in nodes})
    all_values = json.dumps(sorted(values.items()))
    keys = _Keys()
    digests: dict[tuple[Callable[..., object], ...], str | DoubtError] = {}
    for node in nodes:
        name = node.name
        parts = [_FORMAT, around, name]
        if name in given:
            digest = given[name]
            if digest is None:
                doubts[name] = f"what is given for {name!r} cannot be told apart"
                continue
            found[name] = _hash([*parts, "given", digest])
            continue
        if name in values:
            found[name] = _hash([*parts, "param", values[name]])
            continue
        if node.user_defined:
            doubts[name] = f"{name!r} is not given"
            continue
        try:
            parts.append(_code_of(node, code, keys, digests))
        except DoubtError as doubt:
            doubts[name] = str(doubt)
            continue
        if _takes_config(node):
            parts.append(all_values)
        doubtful = None
        for each in node.dependencies:
            other = each.name
            if other in found:
                parts.append(f"{other}={found[other]}")
            elif other in doubts:
                doubtful = other
            else:
                parts.append(f"{other} is not given")
        if doubtful is None:
            found[name] = _hash(parts)
        else:
            doubts[name] = f"it depends on {doubtful!r}: {doubts[doubtful]}"
    return Fingerprints(found, doubts)


def _around(code: Code, functions: Iterable[Callable[..., object]]) -> str:
    """Return a digest of what may act on every node."""
    modules = {each.__module__ for each in functions}
    keys: set[Key] = {(each, "*") for each in _READING}
    return _hash([environment(), code.digest(keys), code.digest(code.effects(sorted(modules)))])


def _code_of(
    node: Node,
    code: Code,
    keys: _Keys,
    digests: dict[tuple[Callable[..., object], ...], str | DoubtError],
) -> str:
    functions: tuple[Callable[..., object], ...] = node.originating_functions or ()
    if not functions:
        raise DoubtError(f"no function of node {node.name!r} is known")
    if any(each in node.tags for each in _OUTWARD):
        raise DoubtError(f"node {node.name!r} reads or writes outside of the dataflow")
    if functions not in digests:
        try:
            digests[functions] = code.digest(key for each in functions for key in keys.of(each))
        except DoubtError as doubt:
            digests[functions] = doubt
    found = digests[functions]
    if isinstance(found, DoubtError):
        raise found
    return found


class _Keys:
    """Find where functions are defined."""

    def __init__(self) -> None:
        self._names: dict[str, dict[int, list[str]]] = {}

    def of(self, function: Callable[..., object]) -> list[Key]:
        """Return the names that the function has in its module."""
        inner = inspect.unwrap(function)
        module, name = function.__module__, function.__qualname__
        defined = getattr(inner, "__code__", None)
        found = module_named(module) if module in sys.modules else None
        if found is None or defined is None or os.path.realpath(defined.co_filename) != found.file:
            raise DoubtError(f"the source of {name} in {module} cannot be found")
        if name not in found.definitions or getattr(inner, "__closure__", None):
            raise DoubtError(f"{name} in {module} is made by another function")
        if module not in self._names:
            names: dict[int, list[str]] = {}
            for each, value in vars(sys.modules[module]).items():
                names.setdefault(id(value), []).append(each)
            self._names[module] = names
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
    """Return a digest of Python and every installed library; raise `DoubtError`.

    What was installed after this process started may not be what it runs.
    """
    found = []
    folders = set()
    for each in importlib.metadata.distributions():
        found.append(f"{each.metadata['Name']}=={each.version}")
        folders.add(str(each.locate_file("")))
    for folder in folders:
        if os.path.isdir(folder) and os.stat(folder).st_ctime >= STARTED:
            raise DoubtError(f"libraries in {folder} changed after this process started")
    return _hash([sys.version, platform.machine(), *sorted(found)])


def _text(value: ParamValue) -> str:
    return f"{type(value).__name__}:{value!r}"


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
