"""Loads the dataflow that implements a contract: the package of its name."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from pathlib import Path
from types import ModuleType

import isthmus_transforms.dataflows
from isthmus_contracts import ContractError, Identity, UnknownNameError
from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.errors import DefinitionError, ImportFailedError, UserError
from isthmus_transforms.runtime.calls import text_of
from isthmus_transforms.runtime.code_location import is_own, relative_file
from isthmus_transforms.runtime.dataflow import Dataflow

_NOT_OF_AUTHORS = (
    "isthmus_contracts.",
    "isthmus_transforms.loading",
    "isthmus_transforms.runtime.",
)


def load_dataflow(name: str) -> Dataflow:
    """Return the dataflow called `name` (its newest major version) or `name.vN`.

    Raise `UnknownNameError` if the catalog or this tree has no dataflow of that name,
    `ImportFailedError` if its package cannot be imported, and `DefinitionError` if that declares
    no dataflow.
    """
    contract = CATALOG.dataflow(name)
    package = package_of(contract.identity)
    folder = isthmus_transforms.dataflows.__path__
    known = [module_info.name for module_info in pkgutil.iter_modules(folder)]
    if package not in known:
        raise UnknownNameError("dataflow package", package, known)
    module = _imported(f"isthmus_transforms.dataflows.{package}")
    found = getattr(module, "dataflow", None)
    if not isinstance(found, Dataflow) or found.contract != contract:
        raise DefinitionError(
            f"{module.__name__} declares no `dataflow` that implements "
            f"the contract {contract.identity}"
        )
    return found


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (UserError, ContractError):
        raise
    except (Exception, SystemExit) as error:
        file, line = _author_place(error)
        problem = text_of(error)
        raise ImportFailedError(name, file, line, problem, _author_traceback(error)) from error


def _author_place(error: BaseException) -> tuple[str, int]:
    """Return the file and the line of an author's module that could not be imported."""
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():
        return relative_file(str(error.filename)), error.lineno or 1
    places = [("unknown file", 0)]
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if is_own(module) and not module.startswith(_NOT_OF_AUTHORS):
            places.append((relative_file(frame.f_code.co_filename), line))
    return places[-1]


def _author_traceback(error: BaseException) -> str:
    """Return the traceback without the frames of importing."""
    report = traceback.TracebackException.from_exception(error)
    chain = [report]
    for part in chain:
        part.stack[:] = [frame for frame in part.stack if not _imports(frame.filename)]
        chain += [other for other in (part.__cause__, part.__context__) if other is not None]
    return "".join(report.format())


def _imports(file: str) -> bool:
    return file.startswith("<frozen importlib") or file in {__file__, importlib.__file__}


def package_of(identity: Identity) -> str:
    """Return the package that implements a contract: `name`, from version 2 on `name_vN`.

    >>> package_of(Identity("sales", 1)), package_of(Identity("sales", 2))
    ('sales', 'sales_v2')
    """
    return identity.name if identity.major <= 1 else f"{identity.name}_v{identity.major}"
