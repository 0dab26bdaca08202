"""Each source module has a test of its name, and each test a module, or mirrors.toml says why not.

`python checks/mirrors.py` prints a line for each place where that is not so.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from repository import ROOT, TREES, files

LIST = "checks/mirrors.toml"


def complaints(root: Path) -> Iterator[str]:
    """Return a line for each module and each test without its mirror, and each stale exception."""
    exceptions = tomllib.loads((root / LIST).read_text(encoding="utf-8"))
    modules, tests = exceptions["modules"], exceptions["tests"]
    paths = [PurePosixPath(path.as_posix()) for path in files(root)]
    for tree in TREES:
        sources = _below(paths, f"{tree}/src/isthmus_{tree}", "*.py")
        mirrors = _below(paths, f"{tree}/tests", "test_*.py")
        for path, source in sources.items():
            missing = not (_mirrors(source) & {*mirrors.values()})
            if missing and _defines(root / path):
                yield from _unlisted(path, modules, f"has no {tree}/tests/{min(_mirrors(source))}")
            elif str(path) in modules:
                yield f"{path} needs no exception: take it out of {LIST}"
        wanted = {mirror for source in sources.values() for mirror in _mirrors(source)}
        wanted |= {mirror for source in sources.values() for mirror in _mirrors(source.parent)}
        for path, mirror in mirrors.items():
            if not wanted & {mirror, *_wholes(mirror)}:
                yield from _unlisted(path, tests, "mirrors no module")
            elif str(path) in tests:
                yield f"{path} mirrors a module: take it out of {LIST}"
    for listed in (*modules, *tests):
        if not any(str(path).startswith(listed) for path in paths):
            yield f"{listed} does not exist: take it out of {LIST}"


def _below(
    paths: list[PurePosixPath], folder: str, pattern: str
) -> dict[PurePosixPath, PurePosixPath]:
    """Return the paths below a folder that fit the pattern, each with its path from there."""
    return {
        path: path.relative_to(folder)
        for path in paths
        if path.is_relative_to(folder) and path.match(pattern)
    }


def _mirrors(source: PurePosixPath) -> set[PurePosixPath]:
    """Return the tests that mirror a module or package.

    The module `a/_b.py` has `a/test_b.py`; the package `a/b` has that, or `a/b/test_b.py`.
    """
    package = source.suffix != ".py" or source.name == "__init__.py"
    folder = source.parent if source.name == "__init__.py" else source
    if not folder.name:
        return {PurePosixPath("test_package.py")}
    test = f"test_{folder.stem.strip('_')}.py"
    return {folder.with_name(test)} | ({folder / test} if package else set())


def _wholes(test: PurePosixPath) -> Iterator[PurePosixPath]:
    """Return what a test may be a part of: `test_a_b.py` may be a part of `test_a.py`."""
    words = test.stem.split("_")
    for count in range(2, len(words)):
        yield test.with_name("_".join(words[:count]) + ".py")


def _defines(file: Path) -> bool:
    """Say whether a module holds more than imports, constants and a docstring."""
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return any(
        isinstance(node, defined) for node in ast.parse(file.read_text(encoding="utf-8")).body
    )


def _unlisted(path: PurePosixPath, listed: Mapping[str, str], lack: str) -> Iterator[str]:
    """Complain unless the path, or a folder above it, is listed with a reason."""
    names = [str(path), *(f"{parent}/" for parent in path.parents)]
    if not any(listed.get(name) for name in names):
        yield f'{path} {lack}; write one, or list it in {LIST}: "{path}" = "REASON"'


def main() -> int:
    """Print the complaints; return 1 if there are any."""
    found = list(complaints(ROOT))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
