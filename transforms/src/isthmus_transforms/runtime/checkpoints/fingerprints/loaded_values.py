"""The values that names of a loaded module have in this process, compared with its source."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import sys

from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    UnknownDependencyError,
    import_targets,
    is_own,
    real_path,
)

_PLAIN = (bool, int, float, complex, str, bytes, type(None), dt.date, dt.datetime, dt.timedelta)


def loaded_value(module: ModuleSource, bound: str) -> str:
    """Return the value that a name has in this process as text, empty if it is not plain data.

    Raise `UnknownDependencyError` if the name no longer refers to what the source defines.
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
            # An empty container is filled while functions run, for example as a cache.
            return "" if _is_empty(written) else _plain(value) or ""
    return ""


def _is_empty(written: ast.expr) -> bool:
    match written:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return True
    return False


def _plain(value: object) -> str | None:
    """Return a text that identifies a plain value, or None if the value is not plain."""
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
