"""Where a function is defined, and which version of the code this is."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType

import isthmus_transforms


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """The location of a function; `file` is relative to the folder that holds its package."""

    function: str
    file: str
    line: int


def location_of(function: Callable[..., object]) -> CodeLocation:
    """Return where `function` is defined; the line is that of its first decorator."""
    code = inspect.unwrap(function).__code__
    return CodeLocation(function.__qualname__, _relative(code.co_filename), code.co_firstlineno)


def failing_line(function: Callable[..., object], traceback: TracebackType | None) -> int:
    """Return the last line of `traceback` in the function's file, or the function's first line."""
    code = inspect.unwrap(function).__code__
    line: int = code.co_firstlineno
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == code.co_filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


@cache
def _relative(filename: str) -> str:
    path = Path(filename)
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return str(path.relative_to(folder))


@cache
def code_version() -> str:
    """Return a digest of every source file of this tree."""
    root = Path(isthmus_transforms.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
