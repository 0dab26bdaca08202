"""What the names of a loaded module stand for in this process, beside what is written."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import sys

from isthmus_transforms.runtime.checkpoints.modules import (
    Module,
    UnknownDependencyError,
    import_targets,
    is_own,
    real_path,
)

_PLAIN = (bool, int, float, complex, str, bytes, type(None), dt.date, dt.datetime, dt.timedelta)


def as_it_is(module: Module, bound: str) -> str:
    """Return the value that a name has in this process, if it is plain data.

    Raise `UnknownDependencyError` if the name was given something else than what is written.
    """
    loaded = sys.modules.get(module.name)
    statements = module.definitions[bound]
    if loaded is None or bound not in vars(loaded):
        return ""
    value, statement = vars(loaded)[bound], statements[-1]
    match statement:
        case ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
            code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
            file = real_path(getattr(code, "co_filename", ""))
            if file != module.file or getattr(code, "co_firstlineno", 0) != statement.lineno:
                raise UnknownDependencyError(
                    f"{module.name}.{bound} was replaced by another function"
                )
        case ast.ImportFrom():
            for target, path in import_targets(module, statement, bound):
                origin = vars(sys.modules[target]) if target in sys.modules else {}
                if is_own(target) and path[0] in origin and origin[path[0]] is not value:
                    raise UnknownDependencyError(
                        f"{module.name}.{bound} was replaced by something else"
                    )
        case ast.Assign(value=written) | ast.AnnAssign(value=ast.expr() as written):
            # An empty one is filled while functions run, as a memory or a list of calls.
            return "" if _is_empty(written) else _plain(value) or ""
    return ""


def _is_empty(written: ast.expr) -> bool:
    match written:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return True
    return False


def _plain(value: object) -> str | None:
    """Return a text that tells plain values apart, or None if it holds other things."""
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, dict) and type(value) is dict:
        parts = [part for pair in value.items() for part in pair]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    else:
        return None
    texts = [_plain(part) for part in parts]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    if isinstance(value, set | frozenset):
        known.sort()
    return f"{type(value).__name__}({','.join(known)})"
