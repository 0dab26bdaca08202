"""The global names that a function's code uses, with their values."""

from __future__ import annotations

import builtins
import dis
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

from isthmus_transforms.runtime.checkpoints.libraries import UnknownDependencyError, is_own

_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir"}
_MORE_THAN_CODE = {"__file__", "__path__", "__spec__", "__loader__", "__cached__", "__builtins__"}
_OPCODES = dis.opmap
_GLOBAL, _CONST, _IMPORT = (_OPCODES[name] for name in ("LOAD_GLOBAL", "LOAD_CONST", "IMPORT_NAME"))
_EXTENDED = _OPCODES["EXTENDED_ARG"]
_NAMES = {
    _OPCODES.get(name)
    for name in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")
}
_ATTRIBUTES = {_OPCODES.get("LOAD_ATTR"), _OPCODES.get("LOAD_METHOD")}
_ATTRIBUTE_SHIFT = int(sys.version_info >= (3, 12))
_WORD = re.compile(r"[^\W\d]\w*")


def used_values(function: FunctionType) -> dict[str, object]:
    """Return the globals that a function uses by name, with those of the functions inside of it.

    Of a module of ours, these are the attributes that the code takes. A name inside of a text, as
    in `frame.query("price > @LIMIT")`, counts if it is not that of a function.

    Raise `UnknownDependencyError` for a name that may refer to more than can be known.
    """
    names = function.__globals__
    found: dict[str, object] = {}
    texts: list[object] = []
    for code in _codes(function.__code__):
        texts += code.co_consts[has_docstring(code) :]
        for name, path in _names(code):
            if name in _MORE_THAN_CODE:
                raise _unknown(function, f"{name}, which may refer to more than code")
            if name in names:
                value = names[name]
                if path and isinstance(value, ModuleType):
                    name, value = _attribute(function, name, path)
                found[name] = value
            elif name in _WHOLE_MODULE:
                found[name] = sys.modules[function.__module__]
            elif name == "__import__" or not hasattr(builtins, name):
                if code.co_flags & inspect.CO_OPTIMIZED:  # otherwise, a class has the name
                    raise _unknown(function, f"{name!r}, which it does not define")
        if _IMPORT in code.co_code[::2]:
            for name, level, members in _imports(code):
                found |= _imported(function, name, level, members)
    texts += found.values()
    while texts:
        for word in (_words(texts.pop()) & names.keys()) - found.keys():
            if not isinstance(names[word], FunctionType | type | ModuleType):
                found[word] = names[word]
                texts.append(names[word])
    return found


def has_docstring(code: CodeType) -> bool:
    """Return whether the first constant is a docstring."""
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return bool(is_function and code.co_consts and isinstance(code.co_consts[0], str))


def _unknown(function: FunctionType, what: str) -> UnknownDependencyError:
    return UnknownDependencyError(f"{function.__module__}.{function.__qualname__} uses {what}")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    """Yield operations with their arguments; much faster than `dis`."""
    content, more = code.co_code, 0
    for operation, argument in zip(content[::2], content[1::2], strict=True):
        if operation == _EXTENDED:
            more = (more | argument) << 8
        elif operation:  # 0 is room for the interpreter's caches
            yield operation, more | argument
            more = 0


def _names(code: CodeType) -> Iterator[tuple[str, list[str]]]:
    """Yield each global name, with the attributes that are taken of it at once."""
    name, path = "", list[str]()
    for operation, argument in _instructions(code):
        if name and operation in _ATTRIBUTES:
            path.append(code.co_names[argument >> _ATTRIBUTE_SHIFT])
            continue
        if name:
            yield name, path
        name, path = "", []
        if operation in _NAMES:
            name = code.co_names[argument >> 1 if operation == _GLOBAL else argument]


def _imports(code: CodeType) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield the module of each import, its number of dots, and the names that it takes."""
    constants: list[object] = []
    for operation, argument in _instructions(code):
        if operation == _CONST:
            constants.append(code.co_consts[argument])
        elif operation == _IMPORT:
            level, members = constants[-2:]
            yield code.co_names[argument], level, members or ()  # type: ignore[misc]


def _attribute(function: FunctionType, name: str, path: list[str]) -> tuple[str, object]:
    """Return the object behind the attributes of a module, as far as our own modules have them."""
    value, left = function.__globals__[name], list(path)
    while left and isinstance(value, ModuleType):
        found = vars(value).get(left[0], sys.modules.get(f"{value.__name__}.{left[0]}"))
        if found is None or not (is_own(value.__name__) or isinstance(found, ModuleType)):
            break
        name, value = f"{name}.{left.pop(0)}", found
    if value is sys and left[:1] == ["modules"]:
        raise _unknown(function, "sys.modules, which may load any code or file")
    return name, value


def _imported(
    function: FunctionType, name: str, level: int, members: tuple[str, ...]
) -> dict[str, object]:
    """Return what an import inside of a function provides, if it is our own."""
    package = function.__globals__.get("__package__")
    full = importlib.util.resolve_name("." * level + name, package)
    if not is_own(full):
        return {full: sys.modules[full]} if full in sys.modules else {}
    try:
        module = __import__(full, fromlist=members or ("__name__",))
    except ImportError:
        return {full: "absent"}
    return {f"{full}.{member}": getattr(module, member, None) for member in members} or {
        full: module
    }


def _words(value: object) -> set[str]:
    if isinstance(value, str):
        return set(_WORD.findall(value))
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return set[str]().union(*map(_words, value))
    return set()
