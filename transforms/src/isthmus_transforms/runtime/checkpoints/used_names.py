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

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.code_location import is_own

_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir"}
_MORE_THAN_CODE = {"__file__", "__path__", "__spec__", "__loader__", "__cached__", "__builtins__"}
LOADERS = re.compile(r"(importlib(?!\.metadata)|runpy|pkgutil|zipimport)\b")
_WORD = re.compile(r"[^\W\d]\w*")
_GLOBAL, _CONST, _IMPORT, _EXTENDED = (
    dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_CONST", "IMPORT_NAME", "EXTENDED_ARG")
)
_ATTRIBUTES = {dis.opmap.get(name) for name in ("LOAD_ATTR", "LOAD_METHOD")}
_NAMES = {
    dis.opmap.get(name)
    for name in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")
}
_ATTRIBUTE_SHIFT = int(sys.version_info >= (3, 12))


def used_values(function: FunctionType) -> dict[str, object]:
    """Return the globals that a function uses by name, with those of the functions inside of it.

    Of a module of ours, these are the attributes that the code takes. A name inside of a text, as
    in `frame.query("price > @LIMIT")`, counts if it is not that of a function.

    Raise `UnknownDependencyError` for a name that may refer to more than can be known.
    """
    found: dict[str, object] = {}
    texts: list[object] = []
    codes = [function.__code__]
    for code in codes:
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        texts += code.co_consts[has_docstring(code) :]
        for name, path in _names(code):
            found |= _value(function, code, name, path)
        if _IMPORT in code.co_code[::2]:
            for name, level, members in _imports(code):
                found |= _imported(function, name, level, members)
    texts += found.values()
    names = function.__globals__
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


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    """Yield operations with their arguments, several times as fast as `dis`."""
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


def _value(function: FunctionType, code: CodeType, name: str, path: list[str]) -> dict[str, object]:
    """Return the object behind a name and its attributes, as far as modules of ours have them."""
    names = function.__globals__
    where = f"{function.__module__}.{function.__qualname__} uses"
    if name in _MORE_THAN_CODE:
        raise UnknownDependencyError(f"{where} {name}, which may refer to more than code")
    if name not in names:
        is_class = not code.co_flags & inspect.CO_OPTIMIZED  # which may have the name itself
        if name != "__import__" and (is_class or hasattr(builtins, name)):
            return {name: sys.modules[function.__module__]} if name in _WHOLE_MODULE else {}
        raise UnknownDependencyError(f"{where} {name!r}, which it does not define")
    value, left = names[name], list(path)
    while left and isinstance(value, ModuleType):
        found = vars(value).get(left[0], sys.modules.get(f"{value.__name__}.{left[0]}"))
        if found is None or not (is_own(value.__name__) or isinstance(found, ModuleType)):
            break
        name, value = f"{name}.{left.pop(0)}", found
    if value is sys and left[:1] == ["modules"]:
        raise UnknownDependencyError(f"{where} sys.modules, which may load any code or file")
    return {name: value}


def _imported(
    function: FunctionType, name: str, level: int, members: tuple[str, ...]
) -> dict[str, object]:
    """Return what an import inside of a function provides."""
    full = importlib.util.resolve_name("." * level + name, function.__globals__.get("__package__"))
    if LOADERS.match(full):
        raise UnknownDependencyError(f"it uses {full}, which may load any code or file")
    if not is_own(full):
        return {}
    try:
        module = __import__(full, fromlist=members or ("__name__",))
    except ImportError:
        return {full: "absent"}
    found = {f"{full}.{member}": getattr(module, member, None) for member in members}
    return found or {full: module}


def _words(value: object) -> set[str]:
    """Return the words of the texts in plain data."""
    if isinstance(value, str):
        return set(_WORD.findall(value))
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return set[str]().union(*map(_words, value))
    return set()
