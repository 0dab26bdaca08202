"""What affects every result beside its code: the options of libraries, and our patches of them."""

from __future__ import annotations

import decimal
import gc
import locale
import re
import sys
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

import numpy as np
import pandas as pd

from isthmus_transforms.runtime.code_location import OURS, is_own, loaded_modules

_SKLEARN = [  # as the options are before it is imported
    *(("assume_finite", False), ("working_memory", 1024), ("print_changed_only", True)),
    *(("display", "diagram"), ("pairwise_dist_chunk_size", 256), ("array_api_dispatch", False)),
    *(("enable_cython_pairwise_dist", True), ("transform_output", "default")),
    *(("enable_metadata_routing", False), ("skip_parameter_validation", False)),
    ("sparse_interface", "spmatrix"),
]
_AUTHORS = ("isthmus_transforms.dataflows", "isthmus_transforms.shared")
_RUNNERS = ("IPython", "_pytest", "concurrent", "ipykernel", "multiprocessing", "threading")
_CODECS = "isthmus_transforms.runtime.codecs.values"
_SEARCH_DEPTH = 4  # a module has a class, that has a dict, that has an object, that has a function
_NOT_SEARCHED = {str, int, float, bytes, bool, ModuleType, BuiltinFunctionType, CodeType}


def options() -> tuple[object, ...]:
    """Return the options of libraries, as this process has set them now, for this thread."""
    numbers = decimal.getcontext().copy()
    numbers.clear_flags()
    learning: dict[str, object] = getattr(sys.modules.get("sklearn"), "get_config", dict)()
    changed = [item for item in learning.items() if item not in _SKLEARN]
    others = np.geterr(), np.get_printoptions(), repr(numbers), locale.setlocale(locale.LC_ALL)
    return *_pandas(), *others, changed


def _pandas() -> list[object]:
    """Return the options; of deprecated ones the texts, because to ask for them warns."""
    texts = re.split(r"\n(?=[a-z]\S+\.\S+ )", pd.describe_option("", _print_desc=False))
    return [text if "(Deprecated" in text else pd.get_option(text.split()[0]) for text in texts]


def planted() -> list[object]:
    """Return our own functions and classes that libraries have: in a registry, or as a patch.

    The search starts at the modules of libraries, and at our registry of codecs, and follows
    references as deep as `_SEARCH_DEPTH`, not counting wrappers; `_RUNNERS` just run our code.
    """
    loaded = loaded_modules()
    ours = {name for name in loaded if is_own(name)}
    authors = {name for name in ours if name.startswith(_AUTHORS) or not name.startswith(OURS)}
    own_globals = {id(vars(loaded[name])) for name in authors}
    libraries = {name for name in loaded.keys() - ours if not name.startswith(_RUNNERS)}
    level: list[object] = [vars(loaded[name]) for name in {*libraries, _CODECS}]
    found, seen = list[object](), own_globals | {id(names) for names in level}
    for _ in range(_SEARCH_DEPTH):
        values, level = gc.get_referents(*level), []
        for value in values:
            kind = type(value)
            if kind in _NOT_SEARCHED or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, FunctionType) and id(value.__globals__) not in own_globals:
                values += gc.get_referents(*(value.__closure__ or ()))
            elif kind is FunctionType or (isinstance(value, type) and value.__module__ in authors):
                found.append(value)
            elif kind is partial:
                values += gc.get_referents(value)
            else:
                level.append(value)
    return found
