"""The fingerprint of a node: a digest of everything that its result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.runtime.checkpoints.libraries import (
    UnknownDependencyError,
    options,
    planted,
    versions,
)
from isthmus_transforms.runtime.checkpoints.live_code import LiveDigests
from isthmus_transforms.runtime.frames.inputs import read_input
from isthmus_transforms.runtime.frames.partitions import rows_within

_FORMAT = "2"
_EXTERNAL = ("hamilton.data_loader", "hamilton.data_saver")
_NOT_REUSED = ("recompute", "disable")
"""What Hamilton's decorator `@cache` may ask for."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The fingerprint of each node that has one; `missing` says why the others have none.

    `code` are digests of the nodes' code alone, as `code_digest` returns them; `again` returns the
    fingerprints as they are now, after functions may have changed what functions use.
    """

    by_node: Mapping[str, str]
    missing: Mapping[str, str]
    code: Mapping[str, str] = field(default_factory=dict)
    again: Callable[[], Fingerprints] | None = None


def fingerprint_nodes(
    nodes: Mapping[str, Node],
    inputs: Mapping[str, str | None],
    params: Mapping[str, ParamValue],
) -> Fingerprints:
    """Return a fingerprint of each node by name; `nodes` come after their dependencies.

    `inputs` holds the digest of each input, None if it has none. A node without a function that is
    in neither mapping is an optional input that is not given.
    """
    given = {name: f"{type(value).__name__}:{value!r}" for name, value in params.items()}
    return _fingerprints(nodes, {**given, **inputs}, None)


def code_digest(node: Node) -> str:
    """Return what `Fingerprints.code` holds, for code as loaded in this process; "" if unknown."""
    try:
        live = LiveDigests()
        return f"{_hash([_surroundings_of_process(), options()])} {_digest_of_node(live, node)}"
    except UnknownDependencyError:
        return ""


def _fingerprints(
    nodes: Mapping[str, Node], given: Mapping[str, str | None], surroundings: str | None
) -> Fingerprints:
    live = LiveDigests()
    code, missing = dict[str, str](), dict[str, str]()
    for name, node in nodes.items():
        if name not in given:
            try:
                code[name] = _digest_of_node(live, node)
            except UnknownDependencyError as error:
                missing[name] = str(error)
    try:  # afterwards, because an import inside of a function may just have patched a library
        around = _surroundings(live) if surroundings is None else surroundings
    except UnknownDependencyError as error:
        return Fingerprints({}, dict.fromkeys(nodes, str(error)))
    state = _hash([around, options()])
    by_node: dict[str, str] = {}
    for name, node in nodes.items():
        if name in given:
            if given[name] is None:
                missing[name] = f"the rows of input {name!r} have no exact digest"
            else:
                by_node[name] = _hash([_FORMAT, around, name, given[name]])
        elif name not in missing:
            code[name] = f"{state} {code[name]}"
            try:
                by_node[name] = _hash([_FORMAT, name, code[name], *_needed(node, by_node, missing)])
            except UnknownDependencyError as error:
                missing[name] = str(error)
    return Fingerprints(by_node, missing, code, lambda: _fingerprints(nodes, given, around))


def _needed(node: Node, by_node: Mapping[str, str], missing: Mapping[str, str]) -> Iterator[str]:
    for dependency in node.dependencies:
        name = dependency.name
        if name in missing:
            raise UnknownDependencyError(f"it depends on {name!r}: {missing[name]}")
        yield f"{name}={by_node.get(name, 'not given')}"


def _digest_of_node(live: LiveDigests, node: Node) -> str:
    tags = node.tags
    if node.user_defined:
        raise UnknownDependencyError(f"node {node.name!r} has no function, and it is not given")
    if not tags.keys().isdisjoint(_EXTERNAL):
        raise UnknownDependencyError(f"node {node.name!r} reads or writes outside of the dataflow")
    if tags.get("cache.behavior") in _NOT_REUSED:
        raise UnknownDependencyError(f"its decorator @cache says {tags['cache.behavior']!r}")
    return f"{live.digest(node.callable)} {sorted(tags.items())}"


def _surroundings(live: LiveDigests) -> str:
    """Return a digest of what affects every node, beside the options of libraries."""
    readers = [live.digest(read_input), live.digest(rows_within)]
    return _hash([*versions(), *readers, *sorted(map(live.digest, planted()))])


@cache
def _surroundings_of_process() -> str:
    return _surroundings(LiveDigests())


def _hash(parts: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
