"""Python is loaded under a computed name only where that belongs: no linter could follow it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from repository import files

# The list may only shrink.
ALLOWED = {
    "checks/dynamic_imports.py": "names what it looks for",
    "platform/tests/lake/conftest.py": "runs a test's process in this one",
    "transforms/src/isthmus_transforms/loading.py": "finds the dataflow that implements a contract",
    "transforms/src/isthmus_transforms/runtime/checkpoints/used_names.py": (
        "imports what a function imports, to digest it"
    ),
    "transforms/src/isthmus_transforms/runtime/engines/processes.py": (
        "imports a dataflow's modules in its workers, by the names that the runner sends"
    ),
    "transforms/tests/conftest.py": "writes modules and loads them",
    "transforms/tests/test_readme.py": "loads the dataflow that the page writes",
}
LOADERS = ("importlib", "runpy", "zipimport", "imp")
HARMLESS = ("importlib.metadata", "importlib.resources", "importlib.util")
WORDS = (
    "__import__",
    "exec_module",
    "import_module",
    "load_module",
    "module_from_spec",
    "resolve_name",
    "spec_from_file_location",
)
_SUSPICIOUS = re.compile(rf"\b(?:{'|'.join((*LOADERS, *WORDS))})\b")


def complaints(root: Path) -> Iterator[str]:
    """Yield a sentence for each place that loads a module, and for each exception without use."""
    found = {
        str(file): _places((root / file).read_text(encoding="utf-8"))
        for file in files(root)
        if file.suffix == ".py"
    }
    for file, lines in found.items():
        if file not in ALLOWED:
            for line in lines:
                yield f"{file}:{line} loads a module under a computed name, or is no Python"
    for file, reason in ALLOWED.items():
        if not found.get(file):
            yield f"{file} no longer {reason}; take it off the list"


def _places(text: str) -> list[int]:
    if not _SUSPICIOUS.search(text):
        return []
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [error.lineno or 0]
    return [node.lineno for node in ast.walk(tree) if _loads(node)]


def _loads(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(map(_is_loader, (name.name for name in names)))
        case ast.ImportFrom(module=str(module), names=names):
            return any(map(_is_loader, (f"{module}.{name.name}" for name in names)))
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name in WORDS
    return False


def _is_loader(name: str) -> bool:
    parts = name.split(".")
    return parts[-1] in WORDS or (parts[0] in LOADERS and not name.startswith(HARMLESS))
