"""The global names that a function's code uses, with their values."""

from __future__ import annotations

import builtins
import dis
import importlib.util
import inspect
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TypeAlias, cast

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.code_location import is_own

_WHOLE_MODULE = {"globals", "vars", "locals", "eval", "exec", "compile", "dir"}
_MORE_THAN_CODE = {"__file__", "__path__", "__spec__", "__loader__", "__cached__", "__builtins__"}
LOADERS = re.compile(r"(importlib(?!\.metadata)|runpy|pkgutil|zipimport)\b")
DEFINITIONS = (FunctionType, type, ModuleType)
_PLAIN = (bool, int, float, complex, str, bytes)
_WORD = re.compile(r"(@?)([^\W\d]\w*)(\(|\.(?=\w))?")
_GLOBAL, _CONST, _IMPORT, _EXTENDED = (
    dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_CONST", "IMPORT_NAME", "EXTENDED_ARG")
)
_ATTRIBUTES = {dis.opmap.get(name) for name in ("LOAD_ATTR", "LOAD_METHOD")}
_NAMES = {
    dis.opmap.get(name)
    for name in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")
}
_ATTRIBUTE_SHIFT = int(sys.version_info >= (3, 12))
_Import: TypeAlias = tuple[str, int, tuple[str, ...]]  # a module, its dots, the names it takes


def used_values(function: FunctionType) -> dict[str, object]:
    """Return the globals that a function uses by name, with those of the functions inside of it.

    Of a module of ours, these are the attributes that the code takes. Annotations count.

    Raise `UnknownDependencyError` for a name that may refer to more than can be known.
    """
    found: dict[str, object] = {}
    codes = [function.__code__]
    for code in codes:
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        names_in_code, imports = _names(code)
        for name, path in names_in_code:
            found |= _value(function, code, name, path)
        for statement in imports:
            found |= _imported(function, statement)
    names = function.__globals__
    for annotation in function.__annotations__.values():
        if isinstance(annotation, str):
            found |= {name: names[name] for name in words(annotation) & names.keys()}
    return found


def words(text: str) -> set[str]:
    """Return the names in a text; those that it calls, takes a part of, or marks also as `@name`.

    >>> sorted(words("price > @CUT + f(x)"))
    ['@CUT', '@f', 'CUT', 'f', 'price', 'x']
    """
    found = _WORD.findall(text)
    return {word for _, word, _ in found} | {f"@{word}" for at, word, end in found if at or end}


def named(texts: set[str], names: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return the globals that these `words` name.

    A text with the name of a function, class or module may as well name a column or a node, so
    these count only where the text calls them, takes a part of them, or marks them with `@`.
    """
    found = [(name, names[name]) for name in sorted(names.keys() & texts)]
    return [x for x in found if f"@{x[0]}" in texts or not isinstance(x[1], DEFINITIONS)]


def has_docstring(code: CodeType) -> bool:
    """Return whether the first constant is a docstring."""
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return bool(is_function and code.co_consts and isinstance(code.co_consts[0], str))


@lru_cache(maxsize=100_000)
def _names(code: CodeType) -> tuple[list[tuple[str, list[str]]], list[_Import]]:
    """Return the global names, each with the attributes that are taken of it, and the imports."""
    names, imports = list[tuple[str, list[str]]](), list[_Import]()
    constants: list[object] = []
    path: list[str] | None = None
    more = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        whole, more = more | argument, 0
        if operation == _EXTENDED:
            more = whole << 8
        elif path is not None and operation in _ATTRIBUTES:
            path.append(code.co_names[whole >> _ATTRIBUTE_SHIFT])
        elif operation:  # 0 is room for the interpreter's caches
            path = [] if operation in _NAMES else None
            if path is not None:
                name = code.co_names[whole >> 1 if operation == _GLOBAL else whole]
                names.append((name, path))
            elif operation == _CONST:
                constants.append(code.co_consts[whole])
            elif operation == _IMPORT:
                level, members = cast("tuple[int, tuple[str, ...] | None]", constants[-2:])
                imports.append((code.co_names[whole], level, members or ()))
    return names, imports


def _value(function: FunctionType, code: CodeType, name: str, path: list[str]) -> dict[str, object]:
    """Return the object behind a name and its attributes, as far as modules of ours have them."""
    names = function.__globals__
    where = f"{function.__module__}.{function.__qualname__} uses"
    if name in _MORE_THAN_CODE:
        raise UnknownDependencyError(f"{where} {name}, which may refer to more than code")
    if name not in names:
        is_class = not code.co_flags & inspect.CO_OPTIMIZED  # which may have the name itself
        if name != "__import__" and (is_class or hasattr(builtins, name)):
            if name in _WHOLE_MODULE:
                return {name: sys.modules[function.__module__]}
            return {name: value} if _has_state(value := getattr(builtins, name, None)) else {}
        raise UnknownDependencyError(f"{where} {name!r}, which it does not define")
    value, left = names[name], list(path)
    while left and isinstance(value, ModuleType):
        found = vars(value).get(left[0], sys.modules.get(f"{value.__name__}.{left[0]}"))
        is_followed = isinstance(found, ModuleType) or _has_state(found)
        if found is None or not (is_followed or is_own(value.__name__)):
            break
        name, value = f"{name}.{left.pop(0)}", found
    if value is sys and left[:1] == ["modules"]:
        raise UnknownDependencyError(f"{where} sys.modules, which may load any code or file")
    return {name: value}


def _has_state(value: object) -> bool:
    """Return whether a library's global is plain data, or a method of an object."""
    if isinstance(value, MethodType | BuiltinFunctionType):
        return not isinstance(value.__self__, type | ModuleType | None)
    return type(value) in _PLAIN


def _imported(function: FunctionType, statement: _Import) -> dict[str, object]:
    """Return what an import inside of a function provides."""
    name, level, members = statement
    full = importlib.util.resolve_name("." * level + name, function.__globals__.get("__package__"))
    if LOADERS.match(full):
        raise UnknownDependencyError(f"it uses {full}, which may load any code or file")
    if not is_own(full):
        taken = {member: getattr(sys.modules.get(full), member, None) for member in members}
        return {f"{full}.{name}": value for name, value in taken.items() if _has_state(value)}
    try:
        module = __import__(full, fromlist=members or ("__name__",))
    except ImportError:
        return {full: "absent"}
    found = {f"{full}.{member}": getattr(module, member, None) for member in members}
    return found or {full: module}
