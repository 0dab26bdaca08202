"""Digests of live objects: functions as they are loaded, with everything that they use."""

from __future__ import annotations

import hashlib
import logging
import pickle  # nothing is ever read back: its C code visits values fast
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, cached_property, partial
from gc import get_referents
from operator import attrgetter
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import NamedTuple, TypeVar, cast

from hamilton.function_modifiers.base import NodeTransformLifecycle
from hamilton.node import Node
from pandas.api.extensions import ExtensionDtype

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime.checkpoints import used_names
from isthmus_transforms.runtime.code_location import is_own, loaded_modules
from isthmus_transforms.runtime.codecs import DigestWriter

LIMIT_BYTES = 1 << 26  # of the data that one function uses; larger data are unknown
_ATOMS = frozenset({str, int, float, bool, bytes, complex, tuple, type(None), type(...)})
_HEAP_TYPE = 1 << 9  # of a class's flags: a statement made it
_NOT_CODE = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__slotnames__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__builtins__", "__spec__", "__loader__"),
    *("__file__", "__cached__", "__path__"),
}
"""Attributes of classes and modules that say where they are, or that Python makes for itself."""


class _Unit(NamedTuple):
    """A digest of one object, our own definitions that it refers to, and `words` of its texts."""

    value: object
    content: bytes
    refs: tuple[object, ...]
    words: set[str]


class LiveDigests:
    """Digests objects as they are now, and remembers what it has digested.

    `have_run` says whether functions may have filled the memos of `functools.cache`.
    """

    def __init__(self, *, have_run: bool = False) -> None:
        self.have_run = have_run
        self.is_own = cache(is_own)
        self._units: dict[int, _Unit | str] = {}
        self._places: dict[int, tuple[object, str | None]] = {}

    def digest(self, root: object) -> str:
        """Return a digest of the object and everything that it uses; parts may use each other.

        A global of a function that is used counts if a text that is used has its name.
        Raise `UnknownDependencyError` if a part of it cannot be digested exactly.
        """
        digest, numbers, waiting = hashlib.sha256(), {id(root): 0}, [root]
        texts, globals_of = set[str](), dict[int, dict[str, object]]()
        for value in waiting:
            unit = self._unit(value)
            texts |= unit.words
            if isinstance(value, FunctionType) and self.place(value) is None:
                globals_of[id(value.__globals__)] = value.__globals__
            refs = [("", ref) for ref in unit.refs]
            for names in globals_of.values() if texts and value is waiting[-1] else ():
                refs += used_names.named(texts, names)
            for _, ref in refs:
                if id(ref) not in numbers:
                    numbers[id(ref)] = len(waiting)
                    waiting.append(ref)
            places = [(name, numbers[id(ref)]) for name, ref in refs]
            digest.update(f"{unit.content!r}{places}".encode())
        return digest.hexdigest()

    def _unit(self, value: object) -> _Unit:
        found = self._units.get(id(value))
        if found is None:
            found = self._units[id(value)] = self._described(value)
        if isinstance(found, str):
            raise UnknownDependencyError(found)
        return found

    def _described(self, value: object) -> _Unit | str:
        describer = _Describer(content := DigestWriter(LIMIT_BYTES), self)
        try:
            is_ours = isinstance(value, used_names.DEFINITIONS) and self.place(value) is None
            describer.dump(describer.description(value) if is_ours else (value,))
        except UnknownDependencyError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - an author's class may raise anything
            name = getattr(value, "__qualname__", type(value).__name__)
            return f"what {name} uses cannot be digested exactly: {error}"
        refs = tuple(ref for _, ref in describer.refs.values())
        return _Unit(value, content.digest.digest(), refs, describer.words)

    def place(self, value: type | FunctionType | ModuleType) -> str | None:
        """Return where a library defines a function, class or module; None if we define it.

        The text is empty for what a library has made, for example around a function of ours.
        """
        if id(value) not in self._places:
            place = self._find_place(value)
            if place and used_names.LOADERS.match(place):
                raise UnknownDependencyError(f"it uses {place}, which may load any code or file")
            self._places[id(value)] = value, place
        return self._places[id(value)][1]

    def _find_place(self, value: type | FunctionType | ModuleType) -> str | None:
        if isinstance(value, ModuleType):
            return None if self.is_own(value.__name__) else value.__name__
        module, code = value.__module__, value.__module__
        if isinstance(value, FunctionType):
            code = value.__globals__.get("__name__", "")
        if self.is_own(code) or (isinstance(value, FunctionType) and code not in sys.modules):
            return None
        name = value.__qualname__
        for place in {module, code} & sys.modules.keys():
            with suppress(AttributeError, ImportError):
                if not self.is_own(place) and attrgetter(name)(sys.modules[place]) is value:
                    return f"{place}:{name}"
        is_built_in = isinstance(value, type) and not value.__flags__ & _HEAP_TYPE
        return f"{module}:{name}" if is_built_in else ""

    @cached_property
    def library_values(self) -> frozenset[int]:
        """Return the ids of the values that modules of libraries have."""
        loaded = loaded_modules().items()
        names = [vars(module) for name, module in loaded if not self.is_own(name)]
        return frozenset(map(id, get_referents(*names)))


class _Describer(pickle.Pickler):
    """Writes one object; our own definitions that it refers to are numbered, and written apart."""

    def __init__(self, file: DigestWriter, digests: LiveDigests) -> None:
        super().__init__(file, 5)
        self.fast = True  # write equal values equally, whether or not they are one object
        self.refs: dict[int, tuple[int, object]] = {}
        self.words: set[str] = set()
        self._digests = digests

    def persistent_id(self, value: object) -> object:  # noqa: PLR0911 - one for each kind
        """Return what is written in place of a value; None writes it as pickle does."""
        kind = type(value)
        if kind in _ATOMS:
            if kind is str:
                self.words.update(used_names.words(cast("str", value)))
            return None
        if isinstance(value, used_names.DEFINITIONS):
            place = self._digests.place(value)
            if place is None:
                return self.refs.setdefault(id(value), (len(self.refs), value))[0]
            return place.encode() if place else self.description(value)
        memo = value if kind is _MEMO and not self._digests.have_run else None
        if memo and is_own(memo.__module__) and getattr(memo, "cache_info")().currsize:  # noqa: B009
            raise UnknownDependencyError("a function behind a cache was called before the run")
        if kind in _PARTS:
            return kind.__name__.encode(), _PARTS[kind](value)
        if hasattr(kind, "__setitem__") and id(value) in self._digests.library_values:
            raise UnknownDependencyError(f"it uses a {kind.__name__} that a library may change")
        if kind in {set, frozenset} and isinstance(value, set | frozenset):
            return kind.__name__.encode(), sorted(map(self._element, value))
        if isinstance(value, ExtensionDtype):  # which also keeps what it has computed
            names = getattr(value, "_metadata")  # noqa: B009 - pandas documents it, untyped
            return kind.__name__.encode(), [getattr(value, name) for name in names]
        return _instance(value) if self._digests.is_own(kind.__module__) else None

    def _element(self, value: object) -> str:
        kind = type(value)
        plain = kind in _ATOMS and kind is not tuple
        return f"{kind.__name__} {value!r}" if plain else self._digests.digest(value)

    def description(self, value: object) -> tuple[object, ...]:
        """Return the parts of a function, class or module."""
        if isinstance(value, FunctionType):
            ours, registry = self._digests.place(value) is None, vars(value).get("registry")
            if not ours and isinstance(registry, types.MappingProxyType):
                return (registry,)  # of `functools.singledispatch`, which also has a cache
            others = [item for item in vars(value).items() if not _are_decorators(item[1])]
            # Of a library, the version says what it uses.
            used = dict(sorted(used_names.used_values(value).items())) if ours else {}
            hints = value.__annotations__
            names = repr((value.__name__, [*used], [*hints])).encode()  # which are not texts
            parts = value.__defaults__, value.__kwdefaults__, (*used.values(), *hints.values())
            return names, *_of_code(value.__code__), value.__closure__, *parts, tuple(others)
        if isinstance(value, type):
            return value.__qualname__, type(value), value.__bases__, _members(value)
        assert isinstance(value, ModuleType)  # noqa: S101
        return value.__name__, _members(value)


def _instance(value: object) -> tuple[object, ...]:
    """Return the attributes of an object of ours, also those that its `__getstate__` leaves out."""
    reduced = value.__reduce_ex__(4)
    parts = reduced if isinstance(reduced, tuple) else (reduced,)
    state = object.__getstate__(value)
    return state, *(list(part) if isinstance(part, Iterator) else part for part in parts)


def _members(value: type | ModuleType) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(item for item in vars(value).items() if item[0] not in _NOT_CODE))


def _are_decorators(value: object) -> bool:
    """Return whether these are decorators of Hamilton's; nodes show what they have done."""
    return isinstance(value, list) and any(isinstance(x, NodeTransformLifecycle) for x in value)


_OF_CODE = attrgetter(
    *("co_name", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount"),
    *("co_flags", "co_posonlyargcount", "co_kwonlyargcount", "co_code", "co_exceptiontable"),
)


def _of_code(code: CodeType) -> tuple[object, ...]:
    return repr(_OF_CODE(code)).encode(), code.co_consts[used_names.has_docstring(code) :]


def _built_in(function: BuiltinFunctionType) -> tuple[object, object]:
    owner = function.__self__
    if isinstance(owner, ModuleType) and is_own(owner.__name__):
        raise UnknownDependencyError(f"{function.__name__} of {owner.__name__} has no code")
    return function.__qualname__, owner.__name__ if isinstance(owner, ModuleType) else owner


_MEMO = type(cache(bool))
_PARTS: dict[type, Callable[..., object]] = {
    BuiltinFunctionType: _built_in,
    CellType: lambda cell: () if cell == CellType() else (cell.cell_contents,),
    CodeType: _of_code,
    Node: attrgetter("name", "callable"),
    TypeVar: repr,
    **dict.fromkeys((classmethod, staticmethod), attrgetter("__func__")),
    logging.Logger: attrgetter("name"),
    partial: attrgetter("func", "args", "keywords", "__dict__"),
    property: attrgetter("fget", "fset", "fdel"),
    _MEMO: lambda memo: (memo.__wrapped__, memo.cache_parameters()),
    **dict.fromkeys((type(threading.Lock()), type(threading.RLock())), bool),
    types.GetSetDescriptorType: attrgetter("__qualname__"),
    types.MappingProxyType: dict,
    types.MemberDescriptorType: attrgetter("__qualname__"),
}
"""What of an object counts, by its type."""
