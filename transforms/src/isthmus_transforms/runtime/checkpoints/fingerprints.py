"""The fingerprint of a node: a digest of everything that its result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.checkpoints.libraries import options, planted
from isthmus_transforms.runtime.checkpoints.live_code import LiveDigests
from isthmus_transforms.runtime.code_location import versions
from isthmus_transforms.runtime.frames.inputs import read_input
from isthmus_transforms.runtime.frames.partitions import rows_within

_FORMAT = "2"
_EXTERNAL = ("hamilton.data_loader", "hamilton.data_saver")
_NOT_REUSED = ("recompute", "disable")  # what Hamilton's decorator `@cache` may ask for


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
    surroundings: str | None = None,
) -> Fingerprints:
    """Return a fingerprint of each node by name; `nodes` come after their dependencies.

    `inputs` holds the digest of each input, None if it has none. A node without a function that is
    in neither mapping is an optional input that is not given. `surroundings` are those of the first
    time, when fingerprints are computed again.
    """
    live = LiveDigests(have_run=surroundings is not None)
    values = {name: f"{type(value).__name__}:{value!r}" for name, value in params.items()}
    given: Mapping[str, str | None] = {**values, **inputs}
    code, missing, by_node = dict[str, str](), dict[str, str](), dict[str, str]()
    for name, node in nodes.items():
        if name not in given:
            try:
                code[name] = _digest(live, node)
            except UnknownDependencyError as error:
                missing[name] = str(error)
    try:  # afterwards, because an import inside of a function may just have patched a library
        around = surroundings or _surroundings(live)
        state = _hash(around, live.digest(options()))
    except UnknownDependencyError as error:
        return Fingerprints({}, dict.fromkeys(nodes, str(error)))
    for name, node in nodes.items():
        dependencies = [dependency.name for dependency in node.dependencies]
        if name in given and given[name] is None:
            missing[name] = f"the value given for {name!r} has no exact digest"
        elif name in given:
            by_node[name] = _hash(_FORMAT, around, name, given[name])
        elif name not in missing and (unknown := missing.keys() & set(dependencies)):
            missing[name] = f"it depends on {min(unknown)!r}: {missing[min(unknown)]}"
        elif name not in missing:
            code[name] = f"{state} {code[name]}"
            needed = [f"{need}={by_node.get(need, 'not given')}" for need in dependencies]
            by_node[name] = _hash(_FORMAT, name, code[name], *needed)
    again = partial(fingerprint_nodes, nodes, inputs, params, around)
    return Fingerprints(by_node, missing, code, again)


def code_digest(node: Node) -> str:
    """Return what `Fingerprints.code` holds, for code as loaded in this process; "" if unknown."""
    live = LiveDigests(have_run=True)
    try:
        state = _hash(_surroundings_of_process(), live.digest(options()))
        return f"{state} {_digest(live, node)}"
    except UnknownDependencyError:
        return ""


def _digest(live: LiveDigests, node: Node) -> str:
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
    readers = live.digest(read_input), live.digest(rows_within)
    return _hash(*versions(), *readers, *sorted(map(live.digest, planted())))


@cache
def _surroundings_of_process() -> str:
    return _surroundings(LiveDigests(have_run=True))


def _hash(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
