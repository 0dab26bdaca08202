"""Hamilton's extensions of libraries, each loaded when a decorator asks for it.

Left to itself, Hamilton imports every installed library that it has an extension for, which takes
over a second. A decorator asks for the types of frames, as `@extract_columns` does, or for a loader
or saver by name, as `@save_to.plt` does.
"""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from hamilton import registry

_LIBRARIES: Mapping[str, str] = MappingProxyType(
    {
        "huggingface": "datasets",
        "polars_lazyframe": "polars",
        "pyspark_pandas": "pyspark",
        "sklearn_plot": "sklearn",
        "spark": "pyspark",
    }
)
"""The library of an extension that has another name than its library."""

_OF_TYPES = (
    *("dask", "geopandas", "ibis", "pandas", "polars", "polars_lazyframe"),
    *("pydantic", "pyspark_pandas", "spark", "vaex"),
)
"""The extensions that know types; they import little beside their library."""

_LOG = logging.getLogger(__name__)
_loaded: set[str] = set()


def load_on_demand() -> None:
    """Make Hamilton load extensions when a decorator asks, instead of all at once.

    If Hamilton's decorators are imported already, every extension is loaded now: Hamilton has done
    so itself, unless its own configuration says otherwise.
    """
    if "hamilton.htypes" in sys.modules:  # the first of Hamilton's modules that keep the registries
        _load(registry.HAMILTON_EXTENSIONS)
        return
    registry.INITIALIZED = True
    registry.DF_TYPE_AND_COLUMN_TYPES = _Types()
    registry.LOADER_REGISTRY = _Adapters(list)
    registry.SAVER_REGISTRY = _Adapters(list)


def load_types() -> None:
    """Load the extensions that know the types of libraries which are imported."""
    _load(_imported(_OF_TYPES))


def _imported(extensions: Iterable[str]) -> list[str]:
    return [name for name in extensions if _LIBRARIES.get(name, name) in sys.modules]


def _load(extensions: Iterable[str]) -> None:
    for name in extensions:
        if name in _loaded:
            continue
        try:
            registry.load_extension(name)
        except (ImportError, NotImplementedError) as error:  # which Hamilton takes it for, too
            _LOG.debug("Hamilton's extension %r is not loaded: %s", name, error)
        else:
            _loaded.add(name)


class _Types(dict[str, dict[str, type]]):
    """The types of frames and columns, by extension."""

    def __contains__(self, name: object) -> bool:
        load_types()
        return super().__contains__(name)

    def items(self) -> Any:  # noqa: ANN401 - the type of a dict's items has no public name
        load_types()
        return super().items()


class _Adapters(defaultdict[str, list[type]]):
    """Loaders or savers by name; several libraries may have one of the same name."""

    def __contains__(self, name: object) -> bool:
        _load(_imported(registry.HAMILTON_EXTENSIONS))
        if not super().__contains__(name):
            _load(registry.HAMILTON_EXTENSIONS)
        return super().__contains__(name)
