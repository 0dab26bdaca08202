"""Calling one function: its tries, and what is told when it raises."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime.code_location import Source, failing_line, source_of
from isthmus_transforms.runtime.graph.steps import Step, function_of

_LONGEST_MESSAGE = 10_000
_MOST_SHAPES = 12
_SIZELESS = frozenset({bool, int, float, type(None)})
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what a call has come to: a value, or an error."""

    seconds: float
    value: object = None
    error: BaseException | None = None


def call(step: Step, arguments: Mapping[str, object]) -> object:
    """Return what the function returns, tried again as its tags say.

    Raise `NodeError` if it raises; what tells a program to stop goes through as it is.
    """
    for number in range(len(step.waits)):
        try:
            return step.function(**arguments)
        except Exception as error:  # noqa: BLE001 - it is up to the author what is tried again
            wait = step.waits[number]
            _LOG.warning(
                "node %r failed at try %s of %s, the next is in %g s: %s",
                *(step.name, number + 1, len(step.waits) + 1, wait, text_of(error)),
            )
            time.sleep(wait)
    try:
        return step.function(**arguments)
    # A function that exits has not computed its node, whatever status it gives.
    except (Exception, SystemExit) as error:
        raise _node_error(step, arguments, error) from error


def try_call(step: Step, arguments: Mapping[str, object]) -> Outcome:
    """Return what a call comes to, with the seconds that it took; it never raises."""
    start = time.perf_counter()
    try:
        value = call(step, arguments)
    except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
        return Outcome(time.perf_counter() - start, error=error)
    return Outcome(time.perf_counter() - start, value)


def text_of(error: BaseException) -> str:
    """Return an exception's type and message, even if its message cannot be had or has no end."""
    try:
        message = str(error)
    except Exception as second:  # noqa: BLE001 - an author's `__str__` may do anything
        message = f"its message cannot be shown, for that raises {type(second).__name__}"
    return f"{type(error).__name__}: {message[:_LONGEST_MESSAGE]}"


def size_of(value: object) -> tuple[int | None, int | None, int | None]:
    """Return rows, columns and bytes of a value, as far as it has them."""
    if type(value) in _SIZELESS:
        return None, None, None
    if isinstance(value, pd.DataFrame):
        return len(value), len(value.columns), int(value.memory_usage(index=False).sum())
    if isinstance(value, pd.Series):
        return len(value), None, int(value.memory_usage(index=False))
    if isinstance(value, bytes | str):
        return None, None, len(value)
    size = getattr(value, "nbytes", None)
    return None, None, size if isinstance(size, int) else None


def _node_error(step: Step, arguments: Mapping[str, object], error: BaseException) -> NodeError:
    function = function_of(step.node)
    source = source_of(function)
    return NodeError(
        step.name,
        source.function,
        source.file,
        failing_line(function, error.__traceback__),
        text_of(error),
        shapes_of(arguments),
        _authors_traceback(error, source),
    )


def shapes_of(arguments: Mapping[str, object]) -> str:
    """Return what a function was given, as types and shapes; never a value."""
    shown = [f"{name}: {_shape(value)}" for name, value in arguments.items()]
    more = len(shown) - _MOST_SHAPES
    return ", ".join(shown[:_MOST_SHAPES]) + (f" and {more} more" if more > 0 else "")


def _shape(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, pd.DataFrame):
        return f"{kind} of {len(value)} x {len(value.columns)}"
    if isinstance(value, pd.Series):
        return f"{kind} of {len(value)}, {value.dtype}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(each, int) for each in shape):
        return f"{kind} of {' x '.join(map(str, shape))}"
    if isinstance(value, str | bytes | list | tuple | dict | set):
        return f"{kind} of {len(value)}"
    return kind


def _authors_traceback(error: BaseException, source: Source) -> str:
    """Return the traceback of what the function raised, without the runtime's own frames."""
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.endswith(source.file):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
