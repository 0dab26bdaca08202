"""Calling one function: its retries, and the error that describes its failure."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime.code_location import CodeLocation, failing_line, location_of
from isthmus_transforms.runtime.graph.origin import function_of
from isthmus_transforms.runtime.graph.steps import Step

_LONGEST_MESSAGE = 10_000
_MOST_SHAPES = 12
_MOST_PARTS = 10_000
_MOST_BYTES = 2**63
_SIZELESS = frozenset({bool, int, float, type(None)})
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a call: a value, or an error; in a worker, also what `code_digest` returns."""

    seconds: float
    value: object = None
    error: BaseException | None = None
    code: str | None = None


def call(step: Step, arguments: Mapping[str, object]) -> object:
    """Return what the function returns, with the retries that its tags declare.

    Raise `NodeError` if it raises an `Exception` or `SystemExit`; let `KeyboardInterrupt` pass.
    """
    for number in range(len(step.waits)):
        try:
            return step.function(**arguments)
        except Exception as error:  # noqa: BLE001 - the author asked for retries
            wait = step.waits[number]
            _LOG.warning(
                "node %r failed in attempt %s of %s; next attempt in %g s: %s",
                *(step.name, number + 1, len(step.waits) + 1, wait, text_of(error)),
            )
            time.sleep(wait)
    try:
        return step.function(**arguments)
    # A function that exits has not computed its node, whatever its exit status.
    except (Exception, SystemExit) as error:
        raise _node_error(step, arguments, error) from error


def try_call(step: Step, arguments: Mapping[str, object]) -> Outcome:
    """Return the outcome of a call, with the seconds that it took; never raise."""
    start = time.perf_counter()
    try:
        value = call(step, arguments)
    except BaseException as error:  # noqa: BLE001 - the loop raises it
        return Outcome(time.perf_counter() - start, error=error)
    return Outcome(time.perf_counter() - start, value)


def text_of(error: BaseException) -> str:
    """Return an exception's type and message, shortened, even if its `__str__` raises."""
    try:
        message = str(error)
    except Exception as second:  # noqa: BLE001 - an author's `__str__` may do anything
        message = f"its message cannot be shown: its __str__ raises {type(second).__name__}"
    return f"{type(error).__name__}: {message[:_LONGEST_MESSAGE]}"


def size_of(value: object) -> tuple[int | None, int | None, int | None]:
    """Return rows, columns and bytes of a value, None where it has none or does not say.

    An author's class may raise anything when it is looked at, which is no reason to end a run.
    """
    try:
        return _size(value)
    except (Exception, SystemExit):  # noqa: BLE001 - see above
        return None, None, None


def _size(value: object) -> tuple[int | None, int | None, int | None]:
    if type(value) in _SIZELESS:
        return None, None, None
    if isinstance(value, pd.DataFrame):
        return len(value), len(value.columns), int(value.memory_usage(index=False).sum())
    if isinstance(value, pd.Series):
        return len(value), None, int(value.memory_usage(index=False))
    if isinstance(value, bytes | str):
        return None, None, len(value)
    size = getattr(value, "nbytes", None)
    return None, None, size if type(size) is int and 0 <= size < _MOST_BYTES else None


def bytes_of(value: object) -> int | None:
    """Return the bytes of a value in memory; None if they are unknown, or have many parts."""
    try:
        return _bytes(value)
    except (Exception, SystemExit):  # noqa: BLE001 - as in `size_of`
        return None


def _bytes(value: object) -> int | None:
    if not isinstance(value, list | tuple | dict):
        return sys.getsizeof(value) if type(value) in _SIZELESS else size_of(value)[2]
    total, parts = 0, [value]
    for part in parts:
        total += sys.getsizeof(part)
        parts += part.values() if isinstance(part, dict) else ()
        parts += part if isinstance(part, list | tuple) else ()
        if len(parts) > _MOST_PARTS:
            return None
    return total


def _node_error(step: Step, arguments: Mapping[str, object], error: BaseException) -> NodeError:
    function = function_of(step.node)
    location = location_of(function)
    return NodeError(
        step.name,
        location.function,
        location.file,
        failing_line(function, error.__traceback__),
        text_of(error),
        shapes_of(arguments),
        _author_traceback(error, location),
    )


def shapes_of(arguments: Mapping[str, object]) -> str:
    """Return what a function was given, as types and shapes; never a value.

    >>> shapes_of({"orders": pd.DataFrame({"id": [1, 2]}), "name": "ann", "rate": 0.5})
    'orders: DataFrame of 2 x 1, name: str of 3, rate: float'
    """
    shown = [f"{name}: {_shape(value)}" for name, value in arguments.items()]
    more = len(shown) - _MOST_SHAPES
    return ", ".join(shown[:_MOST_SHAPES]) + (f" and {more} more" if more > 0 else "")


def _shape(value: object) -> str:
    kind = type(value).__name__
    try:
        return f"{kind}{_extent(value)}"
    except (Exception, SystemExit):  # noqa: BLE001 - as in `size_of`
        return kind


def _extent(value: object) -> str:
    if isinstance(value, pd.DataFrame):
        return f" of {len(value)} x {len(value.columns)}"
    if isinstance(value, pd.Series):
        return f" of {len(value)}, {value.dtype}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
        return f" of {' x '.join(map(str, shape))}"
    return f" of {len(value)}" if isinstance(value, str | bytes | list | tuple | dict | set) else ""


def _author_traceback(error: BaseException, location: CodeLocation) -> str:
    """Return the traceback of the function's error, without the frames of the runtime."""
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.endswith(location.file):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
