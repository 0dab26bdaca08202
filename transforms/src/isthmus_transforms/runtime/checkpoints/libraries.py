"""What affects every result beside its code: the options of libraries, and our patches of them."""

from __future__ import annotations

import decimal
import gc
import locale
import sys
from types import FunctionType, ModuleType

import numpy as np
import pandas as pd

from isthmus_transforms.runtime.code_location import OURS, is_own, loaded_modules

_SKLEARN = {"assume_finite": False, "transform_output": "default", "array_api_dispatch": False}
_AUTHORS = ("isthmus_transforms.dataflows", "isthmus_transforms.shared")
_SEARCH_DEPTH = 4  # a module has a class, that has a dict, that has an object, that has a function
_NOT_SEARCHED = (str, int, float, bytes, tuple, FunctionType, ModuleType)


def options() -> str:
    """Return the options of libraries, as this process has set them now."""
    numbers = decimal.getcontext().copy()
    numbers.clear_flags()
    config = sys.modules["sklearn"].get_config() if "sklearn" in sys.modules else {}
    learning = [config.get(name, default) for name, default in _SKLEARN.items()]
    arrays = np.geterr(), np.get_printoptions()
    return repr((pd.options.d, arrays, learning, numbers, locale.setlocale(locale.LC_ALL)))


def planted() -> list[object]:
    """Return our own functions and classes that libraries have: in a registry, or as a patch.

    The search starts at the libraries' top modules and at the modules of libraries that our own
    code names, and follows references as deep as `_SEARCH_DEPTH`.
    """
    loaded = {name: vars(module) for name, module in loaded_modules().items()}
    ours = {name for name in loaded if is_own(name)}
    authors = {name for name in ours if name.startswith(_AUTHORS) or not name.startswith(OURS)}
    starts = {name for name in loaded if "." not in name}
    starts.update(*(_named_modules(loaded[name]) for name in authors))
    level: list[object] = [loaded[name] for name in starts & loaded.keys() - ours]
    own_globals, seen = {id(loaded[name]) for name in authors}, set[int]()
    found: list[object] = []
    for _ in range(_SEARCH_DEPTH):
        reached = {id(value): value for value in gc.get_referents(*level)}
        values = [reached[key] for key in reached.keys() - seen]
        seen |= reached.keys()
        found += [
            value
            for value in values
            if (type(value) is FunctionType and id(value.__globals__) in own_globals)
            or (isinstance(value, type) and value.__module__ in authors)
        ]
        level = [v for v in values if type(v) not in _NOT_SEARCHED and id(v) not in own_globals]
    return found


def _named_modules(names: dict[str, object]) -> set[str]:
    """Return the modules that a module's globals are, have as parts, or were defined in."""
    found = set[str]()
    for value in names.copy().values():
        if isinstance(value, ModuleType):
            parts = (part for part in vars(value).values() if isinstance(part, ModuleType))
            found.update(part.__name__ for part in (value, *parts))
        elif isinstance(value, type | FunctionType):
            found.add(value.__module__)
    return found
