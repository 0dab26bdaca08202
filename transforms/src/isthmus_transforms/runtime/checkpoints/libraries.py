"""What affects every result beside its code: libraries, their options, and what we changed in them."""

from __future__ import annotations

import decimal
import gc
import importlib.metadata
import importlib.util
import locale
import os
import platform
import site
import sys
import sysconfig
import time
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pandas as pd

from isthmus_transforms.errors import TransformError

_OURS = ("isthmus_transforms", "isthmus_contracts")
"""Our own code wherever it is installed; other code is ours if it is not among the libraries."""
_AUTHORS = ("isthmus_transforms.dataflows", "isthmus_transforms.shared")
_SEARCH_DEPTH = 4
"""A library's module has a class (1), that has a dict (2), that has an object (3) that calls us."""
_NOT_SEARCHED = frozenset({str, int, float, bytes, tuple, FunctionType, ModuleType})


class UnknownDependencyError(TransformError):
    """Report why what a result depends on cannot be determined exactly."""


def _started() -> float:
    """Return when this process started, or the present where Linux does not tell."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    except (OSError, AttributeError):
        return time.time()


STARTED = _started()


def is_own(name: object) -> bool:
    """Return whether the module called `name` is our own code, and not a library's."""
    top = name.partition(".")[0] if isinstance(name, str) else ""  # Cython's types have no name
    if top in _OURS or not top:
        return top in _OURS
    module = sys.modules.get(name) or sys.modules.get(top) or importlib.util.find_spec(top)
    folders = getattr(module, "__path__", None) or getattr(module, "submodule_search_locations", ())
    places = getattr(module, "__file__", None) or getattr(module, "origin", None) or [*folders][:1]
    if not places:  # built into Python, or made by hand, as a notebook's `__main__` is
        return top not in sys.stdlib_module_names
    return not _is_library(places if isinstance(places, str) else places[0])


@cache
def _is_library(place: str) -> bool:
    known = sysconfig.get_paths()
    folders = {known[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages(), [site.getusersitepackages()])
    inside = (os.path.realpath(place).startswith(os.path.realpath(path) + os.sep) for path in folders)
    return place in {"built-in", "frozen"} or any(inside)


@cache
def versions() -> tuple[str, ...]:
    """Return the versions of Python and of every installed library.

    Raise `UnknownDependencyError` if a library was installed after this process started: the
    process may run another version.
    """
    found, folders = [], set()
    for distribution in importlib.metadata.distributions():
        found.append(f"{distribution.metadata['Name']}=={distribution.version}")
        folders.add(Path(str(distribution.locate_file(""))))
    for folder in folders:
        if folder.is_dir() and folder.stat().st_ctime >= STARTED:
            raise UnknownDependencyError(
                f"libraries in {folder} changed after this process started"
            )
    return sys.version, platform.machine(), *sorted(found)


def options() -> str:
    """Return the options of libraries, as this process has set them now."""
    numbers = decimal.getcontext().copy()
    numbers.clear_flags()
    sklearn = sys.modules.get("sklearn")
    learning = sklearn.get_config() if sklearn else None
    formats = np.geterr() | np.get_printoptions()
    return repr((pd.options.d, formats, learning, numbers, locale.setlocale(locale.LC_ALL)))


def planted() -> list[object]:
    """Return our own functions and classes that libraries have: in a registry, or as a patch.

    The search starts at the libraries' top modules and at the modules of libraries that our own
    code names, and follows references as deep as `_SEARCH_DEPTH`.
    """
    loaded = {name: vars(module) for name, module in sys.modules.copy().items() if module}
    ours = {name: names for name, names in loaded.items() if is_own(name)}
    authors = {
        name: id(names)
        for name, names in ours.items()
        if name.startswith(_AUTHORS) or not name.startswith(_OURS)
    }
    starts = {name for name in loaded if "." not in name}
    for name in authors:
        for value in ours[name].copy().values():
            if isinstance(value, ModuleType):
                parts = (part for part in vars(value).values() if isinstance(part, ModuleType))
                starts.update(part.__name__ for part in (value, *parts))
            elif isinstance(value, type | FunctionType):
                starts.add(value.__module__)
    level: list[object] = [loaded[name] for name in starts & loaded.keys() - ours.keys()]
    own_globals, seen, found = set(authors.values()), set[int](), []
    for _ in range(_SEARCH_DEPTH):
        reached = {id(value): value for value in gc.get_referents(*level)}
        fresh = reached.keys() - seen
        seen |= fresh
        level = []
        for value in map(reached.__getitem__, fresh):
            if type(value) is FunctionType:
                if id(value.__globals__) in own_globals:
                    found.append(value)
            elif isinstance(value, type) and value.__module__ in authors:
                found.append(value)
            elif type(value) not in _NOT_SEARCHED:
                level.append(value)
    return found
