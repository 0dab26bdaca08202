"""Builds Hamilton's graph of a dataflow's functions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import ModuleType

from hamilton import driver
from hamilton.graph import FunctionGraph

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.hamilton_extensions import load_types

for _name in ("hamilton.driver", "hamilton.function_modifiers.base"):
    # The `DefinitionError` says what they log about functions that do not fit together.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def build_graph(modules: Sequence[ModuleType], params: Mapping[str, ParamValue]) -> FunctionGraph:
    """Return the graph of the modules' functions, in the variant that the params choose.

    Raise `DefinitionError` if the functions do not fit together.
    """
    load_types()  # a graph asks for the types of checks
    try:
        return driver.Builder().with_modules(*modules).with_config(dict(params)).build().graph
    except Exception as error:  # Hamilton raises many types for an author's mistake
        names = ", ".join(module.__name__.rpartition(".")[2] for module in modules)
        problem = str(error).strip().partition("\n")[0]  # the rest is advice on Hamilton
        raise DefinitionError(f"the functions in {names} do not make a graph: {problem}") from error
