"""Loads the dataflow that implements a contract: the package of its name."""

from __future__ import annotations

import importlib
import pkgutil

import isthmus_transforms.dataflows
from isthmus_contracts import Identity, UnknownNameError
from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.dataflow import Dataflow


def load_dataflow(name: str) -> Dataflow:
    """Return the dataflow called `name` (its newest major version) or `name.vN`.

    Raise `UnknownNameError` if the catalog or this tree has no dataflow of that name, and
    `DefinitionError` if its package declares none.
    """
    contract = CATALOG.dataflow(name)
    package = package_of(contract.identity)
    folder = isthmus_transforms.dataflows.__path__
    known = [module_info.name for module_info in pkgutil.iter_modules(folder)]
    if package not in known:
        raise UnknownNameError("dataflow package", package, known)
    module = importlib.import_module(f"isthmus_transforms.dataflows.{package}")
    found = getattr(module, "dataflow", None)
    if not isinstance(found, Dataflow) or found.contract != contract:
        raise DefinitionError(
            f"{module.__name__} declares no `dataflow` that implements "
            f"the contract {contract.identity}"
        )
    return found


def package_of(identity: Identity) -> str:
    """Return the package that implements a contract: `name`, from version 2 on `name_vN`.

    >>> package_of(Identity("sales", 1)), package_of(Identity("sales", 2))
    ('sales', 'sales_v2')
    """
    return identity.name if identity.major <= 1 else f"{identity.name}_v{identity.major}"
