"""Digests of live objects: functions as they are loaded, with everything that they use."""

from __future__ import annotations

import hashlib
import logging
import pickle  # nothing is ever read back: its C code visits values fast
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, cached_property, partial
from gc import get_referents
from operator import attrgetter
from types import (
    BuiltinFunctionType, CellType, CodeType, FunctionType, GetSetDescriptorType, MappingProxyType,
    MemberDescriptorType, ModuleType,
)  # fmt: skip
from typing import NamedTuple, TypeVar

from hamilton.function_modifiers.base import NodeTransformLifecycle
from hamilton.node import Node

from isthmus_transforms.runtime.checkpoints.codecs import DigestWriter
from isthmus_transforms.runtime.checkpoints.libraries import UnknownDependencyError, is_own
from isthmus_transforms.runtime.checkpoints.used_names import has_docstring, used_values

LIMIT_BYTES = 1 << 26
"""What a function uses is digested up to this size; larger data are unknown."""
_ATOMS = frozenset({str, int, float, bool, bytes, complex, tuple, type(None), type(...)})
_CONTAINERS = frozenset({dict, list, set, bytearray})
_DEFINITIONS = (FunctionType, type, ModuleType)
_LOADERS = re.compile(r"(importlib(?!\.metadata)|runpy|pkgutil|zipimport)\b")
_HEAP_TYPE = 1 << 9  # of a class's flags: a statement made it
_NOT_CODE = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__slotnames__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__builtins__", "__spec__", "__loader__", "__file__", "__cached__"),
}
"""Attributes of classes and modules that say where they are, or that Python makes for itself."""


class _Unit(NamedTuple):
    """A digest of one object, and our own definitions that it refers to."""

    value: object
    content: bytes
    refs: tuple[object, ...]


class LiveDigests:
    """Digests objects as they are now, and remembers what it has digested."""

    def __init__(self) -> None:
        self.is_own = cache(is_own)
        self._units: dict[int, _Unit | str] = {}
        self._digests: dict[int, str] = {}
        self._codes: dict[int, tuple[CodeType, str]] = {}
        self._places: dict[int, tuple[object, str | None]] = {}

    def digest(self, root: object) -> str:
        """Return a digest of the object and everything that it uses.

        Raise `UnknownDependencyError` if a part of it cannot be digested exactly.
        """
        unit = self._unit(root)
        if id(root) not in self._digests:
            digest = hashlib.sha256(unit.content)
            if self._is_own_definition(root):
                self._add_definitions(digest, root)
            else:  # what it refers to does not refer to it, so their digests are shared
                digest.update("".join(map(self.digest, unit.refs)).encode())
            self._digests[id(root)] = digest.hexdigest()
        return self._digests[id(root)]

    def _add_definitions(self, digest: hashlib._Hash, root: object) -> None:
        """Add everything that a definition uses; definitions may use each other in a circle."""
        numbers, waiting = {id(root): 0}, [root]
        for value in waiting:
            unit = self._unit(value)
            for ref in unit.refs:
                if id(ref) not in numbers:
                    numbers[id(ref)] = len(numbers)
                    waiting.append(ref)
            found = [numbers[id(ref)] for ref in unit.refs]
            digest.update(unit.content + repr(found).encode())

    def _unit(self, value: object) -> _Unit:
        found = self._units.get(id(value))
        if found is None:
            found = self._units[id(value)] = self._described(value)
        if isinstance(found, str):
            raise UnknownDependencyError(found)
        return found

    def _described(self, value: object) -> _Unit | str:
        content = DigestWriter(LIMIT_BYTES)
        describer = _Describer(content, self)
        try:
            describer.dump(describer.description(value))
        except UnknownDependencyError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - an author's class may raise anything
            name = getattr(value, "__qualname__", type(value).__name__)
            return f"what {name} uses cannot be digested exactly: {error}"
        return _Unit(value, content.digest.digest(), tuple(ref for _, ref in describer.refs.values()))

    def _is_own_definition(self, value: object) -> bool:
        is_definition = isinstance(value, _DEFINITIONS)
        return is_definition and self.place(value) is None

    def place(self, value: object) -> str | None:
        """Return where a library defines a function, class or module; None if we define it.

        The text is empty for what a library has made, for example around a function of ours.
        """
        if id(value) not in self._places:
            self._places[id(value)] = value, self._find_place(value)
        return self._places[id(value)][1]

    def _find_place(self, value: object) -> str | None:
        if isinstance(value, ModuleType):
            return None if self.is_own(value.__name__) else _not_a_loader(value.__name__)
        module, name = getattr(value, "__module__", None) or "", value.__qualname__  # type: ignore[attr-defined]
        code = value.__globals__.get("__name__") if isinstance(value, FunctionType) else module
        if self.is_own(code) or (isinstance(value, FunctionType) and code not in sys.modules):
            return None
        for place in {module, code} & sys.modules.keys():
            with suppress(AttributeError):
                if not self.is_own(place) and attrgetter(name)(sys.modules[place]) is value:
                    return _not_a_loader(f"{place}:{name}")
        is_built_in = isinstance(value, type) and not value.__flags__ & _HEAP_TYPE
        return f"{module}:{name}" if is_built_in else ""

    def code_digest(self, code: CodeType) -> str:
        """Return the digest of a code object, without the globals that it uses."""
        if id(code) not in self._codes:
            self._codes[id(code)] = code, hashlib.sha256(_constant(code).encode()).hexdigest()
        return self._codes[id(code)][1]

    @cached_property
    def library_values(self) -> frozenset[int]:
        """Return the ids of the values that modules of libraries have."""
        modules = [(name, module) for name, module in sys.modules.copy().items() if module]
        names = [vars(module) for name, module in modules if not self.is_own(name)]
        return frozenset(map(id, get_referents(*names)))


class _Describer(pickle.Pickler):
    """Writes one object; our own definitions that it refers to are numbered, and written apart."""

    def __init__(self, file: DigestWriter, digests: LiveDigests) -> None:
        super().__init__(file, 5)
        self.fast = True  # write equal values equally, whether or not they are one object
        self.refs: dict[int, tuple[int, object]] = {}
        self._digests = digests

    def persistent_id(self, value: object) -> object:
        """Return what is written in place of a value; None writes it as pickle does."""
        kind = type(value)
        if kind in _ATOMS:
            return None
        if kind is CodeType:
            return self._digests.code_digest(value)
        if kind is FunctionType or kind is ModuleType or isinstance(value, type):
            place = self._digests.place(value)
            if place is None:
                return "ours", self.refs.setdefault(id(value), (len(self.refs), value))[0]
            return ("library", place) if place else self.description(value)
        if kind in _PARTS:
            return kind.__name__, _PARTS[kind](value)
        if hasattr(kind, "__setitem__") and id(value) in self._digests.library_values:
            raise UnknownDependencyError(f"it uses a {kind.__name__} that a library changes")
        if kind is set or kind is frozenset:
            return kind.__name__, self._sorted(value)  # type: ignore[arg-type]
        if kind not in _CONTAINERS and self._digests.is_own(kind.__module__):
            return self._instance(value)
        return None

    def description(self, value: object) -> object:
        """Return the parts of a function, class or module; another value is its own description."""
        if isinstance(getattr(value, "registry", None), MappingProxyType):
            return (value.registry,)  # of `functools.singledispatch`, which also has a cache
        if isinstance(value, FunctionType):
            ours = self._digests.place(value) is None
            attributes = [item for item in vars(value).items() if not _is_of_hamilton(item[1])]
            return (
                *(value.__name__, value.__code__, value.__defaults__, value.__kwdefaults__),
                *(value.__closure__, value.__annotations__, attributes),
                sorted(used_values(value).items()) if ours else None,  # a library's by its version
            )
        if isinstance(value, type):
            return value.__qualname__, type(value), value.__bases__, _members(value)
        if isinstance(value, ModuleType):
            return value.__name__, _members(value)
        return value

    def _sorted(self, values: set[object] | frozenset[object]) -> list[object]:
        if all(type(value) in _ATOMS - {tuple} for value in values):
            return sorted(values, key=lambda value: (type(value).__name__, repr(value)))
        return sorted(map(self._digests.digest, values))

    @staticmethod
    def _instance(value: object) -> tuple[object, ...]:
        """Return the attributes, whatever the author's `__getstate__` leaves out, and the rest."""
        reduced = value.__reduce_ex__(4)
        parts = reduced if isinstance(reduced, tuple) else (reduced,)
        state = object.__getstate__(value)
        return state, *(list(part) if isinstance(part, Iterator) else part for part in parts)


def _not_a_loader(place: str) -> str:
    if _LOADERS.match(place):
        raise UnknownDependencyError(f"it uses {place}, which may load any code or file")
    return place


def _members(value: type | ModuleType) -> list[tuple[str, object]]:
    return sorted((name, item) for name, item in vars(value).items() if name not in _NOT_CODE)


def _is_of_hamilton(value: object) -> bool:
    """Return whether an attribute holds decorators; nodes show what these have done."""
    decorators = value if isinstance(value, list) else ()
    return bool(decorators) and all(isinstance(item, NodeTransformLifecycle) for item in decorators)


def _constant(value: object) -> str:
    """Return a text of a code object or constant, without lines, files and docstrings."""
    if isinstance(value, CodeType):
        names = value.co_name, value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars
        counts = value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags
        constants = value.co_consts[has_docstring(value) :]
        return f"{names} {counts} {value.co_code!r} {value.co_exceptiontable!r} {_constant(constants)}"
    if isinstance(value, tuple):
        return f"({','.join(map(_constant, value))})"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_constant, value)))}}}"
    return repr(value)


def _cell(cell: CellType) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _built_in(function: BuiltinFunctionType) -> tuple[object, ...]:
    owner = function.__self__
    if isinstance(owner, ModuleType):
        if is_own(owner.__name__):
            raise UnknownDependencyError(f"{function.__name__} of {owner.__name__} has no code")
        owner = owner.__name__
    return function.__qualname__, owner


_PARTS = {
    BuiltinFunctionType: _built_in,
    CellType: _cell,
    GetSetDescriptorType: attrgetter("__qualname__"),
    MappingProxyType: dict,
    MemberDescriptorType: attrgetter("__qualname__"),
    Node: lambda node: (node.name, node.callable),
    TypeVar: repr,
    classmethod: lambda method: method.__func__,
    logging.Logger: lambda logger: logger.name,
    partial: lambda call: (call.func, call.args, call.keywords, vars(call)),
    property: lambda made: (made.fget, made.fset, made.fdel),
    staticmethod: lambda method: method.__func__,
    type(cache(bool)): lambda memo: (memo.__wrapped__, memo.cache_parameters()),
    type(threading.Lock()): bool,
    type(threading.RLock()): bool,
}
"""What of an object counts, by its type."""
