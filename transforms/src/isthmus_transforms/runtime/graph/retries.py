"""Retries: the tags that ask for them, on the nodes that can be called again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hamilton.function_modifiers import tag
from hamilton.node import Node

from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.checks.hamilton import CHECKS
from isthmus_transforms.runtime.code_location import location_of
from isthmus_transforms.runtime.graph.origin import called_by, function_of, is_made_by_hamilton

_RETRIES = "retries"
_WAIT = "retry_wait_seconds"
_TAGS = (_RETRIES, _WAIT)
_MAX_RETRIES = 20
_MAX_WAIT = 3600


def place_retries(nodes: Iterable[Node]) -> None:
    """Move retry tags to the nodes that call code of an author, or load or save data.

    Hamilton puts the tags of a function on its last nodes, which may only extract, pass on or check
    its result; it ignores tags of a function that another calls, as in `pipe_output` and `mutate`.
    Raise `DefinitionError` for tags with a wrong value.
    """
    ordered = list(nodes)
    for node in ordered:
        asked = {name: node.tags[name] for name in _TAGS if name in node.tags}
        for other in _upstream(node) if asked else ():
            if asked.keys().isdisjoint(other.tags) and _is_retried(other):
                other.tags.update(asked)
    for node in ordered:
        if node.tags.keys().isdisjoint(_TAGS) or _is_retried(node):
            node.tags.update(_tags_of_called_functions(node))
        else:
            for name in _TAGS:
                node.tags.pop(name, None)
        waits_of(node)


def waits_of(node: Node) -> tuple[float, ...]:
    """Return the seconds before each retry; each wait is twice as long as the one before.

    Raise `DefinitionError` for tags with a wrong value.
    """
    tags = node.tags
    if tags.keys().isdisjoint(_TAGS):
        return ()
    try:
        retries = int(tags[_RETRIES])
        wait = float(tags.get(_WAIT, "1"))
    except (KeyError, TypeError, ValueError):
        retries, wait = -1, 0.0
    if not 0 <= retries <= _MAX_RETRIES or not 0 <= wait <= _MAX_WAIT:
        shown = ", ".join(f"{name}={tags[name]!r}" for name in _TAGS if name in tags)
        raise DefinitionError(
            f"{location_of(function_of(node))} has the tags {shown}; expected {_RETRIES}, a number "
            f"from 0 to {_MAX_RETRIES}, and {_WAIT}, a number from 0 to {_MAX_WAIT}, by default 1"
        )
    return tuple(wait * 2**retry for retry in range(retries))


def _is_retried(node: Node) -> bool:
    return CHECKS not in node.tags and not is_made_by_hamilton(node)


def _tags_of_called_functions(node: Node) -> dict[str, str]:
    """Return the retry tags of the functions that the node calls for another, as in a step."""
    found = {}
    for function in called_by(node):
        if function not in (node.originating_functions or ()):
            for decorator in getattr(function, tag.get_lifecycle_name(), ()):
                tags = decorator.tags if isinstance(decorator, tag) else {}
                found.update({name: tags[name] for name in _TAGS if name in tags})
    return found


def _upstream(node: Node) -> Iterator[Node]:
    """Yield the nodes that Hamilton made of the same function, and that this one depends on."""
    seen, waiting = set[int](), list(node.dependencies)
    while waiting:
        other = waiting.pop()
        if id(other) in seen or other.user_defined:
            continue
        seen.add(id(other))
        if other.originating_functions == node.originating_functions:
            yield other
            waiting += other.dependencies
