"""Where a function is defined, whose code it is, and which versions of code there are."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import site
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType, TracebackType

import isthmus_transforms
from isthmus_transforms.errors import UnknownDependencyError

_COMMIT = "# branch.oid "
_LONGEST_GIT_SECONDS = 5
OURS = ("isthmus_transforms", "isthmus_contracts")
"""Our own code wherever it is installed; other code is ours if it is not among the libraries."""


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """The location of a function; `file` is relative to the folder that holds its package."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"function {self.function!r} ({self.file}:{self.line})"


def location_of(function: Callable[..., object]) -> CodeLocation:
    """Return where `function` is defined; the line is that of its first decorator."""
    code = inspect.unwrap(function).__code__
    return CodeLocation(function.__qualname__, relative_file(code.co_filename), code.co_firstlineno)


def failing_line(function: Callable[..., object], traceback: TracebackType | None) -> int:
    """Return the last line of `traceback` in the function's file, or the function's first line."""
    code = inspect.unwrap(function).__code__
    line: int = code.co_firstlineno
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == code.co_filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


@cache
def relative_file(filename: str) -> str:
    """Return a file's path, relative to the folder that holds its package."""
    path = Path(filename)
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return str(path.relative_to(folder))


@cache
def code_version() -> str:
    """Return a digest of every source file of this tree."""
    root = Path(isthmus_transforms.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def revision() -> str | None:
    """Return the git commit of this package, with `-dirty` if not all of it is committed.

    An installed package has no git, and may have a file `REVISION` beside its modules instead,
    which says the same. Return None if neither is there, or git cannot be asked.
    """
    root = Path(isthmus_transforms.__file__).parent
    try:
        return (root / "REVISION").read_text(encoding="utf-8").strip() or None
    except OSError:
        pass
    try:
        _git(root, "ls-files", "--error-unmatch", "__init__.py")  # else another project's git
        lines = _git(root, "status", "--porcelain=v2", "--branch", "--", ".").splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    (commit,) = (line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT))
    if not commit.isalnum():  # nothing is committed yet
        return None
    return f"{commit}-dirty" if any(not line.startswith("#") for line in lines) else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    done = subprocess.run(  # noqa: S603 - git, with words of our own
        command,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1"},  # which a confined runner may not read
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST_GIT_SECONDS,
        check=True,
    )
    return done.stdout


def _started() -> float:
    """Return when this process started, or the present where the system is not Linux."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    except (OSError, AttributeError):
        return time.time()


STARTED = _started()


def loaded_modules() -> dict[str, ModuleType]:
    """Return the modules of this process; some libraries register other objects as well."""
    loaded = sys.modules.copy().items()
    return {name: module for name, module in loaded if isinstance(module, ModuleType)}


def is_own(name: object) -> bool:
    """Return whether the module called `name` is our own code, and not a library's."""
    top = name.partition(".")[0] if isinstance(name, str) else ""  # Cython's types have no name
    if top in OURS or not top:
        return top in OURS
    module: object = sys.modules.get(str(name)) or sys.modules.get(top)
    module = module or importlib.util.find_spec(top)
    place = getattr(module, "__file__", None) or getattr(module, "origin", None)
    folders = getattr(module, "__path__", getattr(module, "submodule_search_locations", None)) or ()
    if not place and not folders:  # built into Python, or made by hand as a notebook's `__main__`
        return top not in sys.stdlib_module_names and not top.startswith("_cython_")
    return not _is_library(place or next(iter(folders), ""))


@cache
def _is_library(place: str) -> bool:
    folders = _library_folders()
    is_built_in = place in {"built-in", "frozen"}
    return is_built_in or place.startswith(folders) or os.path.realpath(place).startswith(folders)


@cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages(), [site.getusersitepackages()])
    return tuple(os.path.realpath(folder) + os.sep for folder in folders)


@cache
def versions() -> tuple[str, ...]:
    """Return the versions of Python and of every installed library.

    Raise `UnknownDependencyError` if a library was installed after this process started: the
    process may run another version.
    """
    libraries = list(importlib.metadata.distributions())
    for folder in {Path(str(library.locate_file(""))) for library in libraries}:
        if folder.is_dir() and folder.stat().st_ctime >= STARTED:
            raise UnknownDependencyError(
                f"libraries in {folder} changed after this process started"
            )
    found = sorted(f"{library.metadata['Name']}=={library.version}" for library in libraries)
    return sys.version, platform.machine(), *found
