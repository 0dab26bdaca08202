from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from isthmus_transforms.errors import UnknownDependencyError
from isthmus_transforms.runtime import code_location
from isthmus_transforms.runtime.code_location import (
    CodeLocation,
    code_version,
    failing_line,
    is_own,
    loaded_modules,
    location_of,
    versions,
)
from isthmus_transforms.shared import plotting


def test_the_file_of_a_function_starts_at_its_package() -> None:
    found = location_of(plotting.png)
    assert found.file == "isthmus_transforms/shared/plotting.py"
    lines = Path(plotting.__file__).read_text(encoding="utf-8").splitlines()
    assert lines[found.line - 1].startswith("def png(")


def test_the_location_is_that_of_the_innermost_function_with_its_decorators(
    module_of: Callable[[str], ModuleType],
) -> None:
    module = module_of("import functools\n\n\n@functools.cache\ndef a() -> int:\n    return 1\n")
    wrapper = functools.wraps(module.a)(lambda: module.a() + 1)
    assert location_of(wrapper) == CodeLocation("a", "sample/functions.py", 4)


@pytest.mark.parametrize("name", ["<cell>", "cell.py"])
def test_a_function_of_a_notebook_has_a_location_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Callable[[], int]] = {}
    exec(compile("def a() -> int: return 1", name, "exec"), namespace)  # noqa: S102
    assert location_of(namespace["a"]) == CodeLocation("a", name, 1)


def _raised(function: Callable[[], object]) -> BaseException:
    with pytest.raises(ZeroDivisionError) as caught:
        function()
    return caught.value


def test_the_failing_line_is_the_last_one_in_the_functions_own_file(
    module_of: Callable[..., ModuleType],
) -> None:
    other = module_of("def divide(): 1 / 0", "other")
    module = module_of("def a(divide):\n    b(divide)\n\ndef b(divide):\n    divide()\n")
    error = _raised(lambda: module.a(other.divide))
    assert failing_line(module.a, error.__traceback__) == 5
    assert failing_line(other.divide, error.__traceback__) == 1


def test_a_function_that_was_never_entered_fails_at_its_first_line(
    module_of: Callable[[str], ModuleType],
) -> None:
    module = module_of("\n\ndef a(): pass")
    assert failing_line(module.a, _raised(lambda: 1 / 0).__traceback__) == 3
    assert failing_line(module.a, None) == 3


def test_the_version_of_the_code_changes_with_any_file_and_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "__init__.py").touch()
    (tree / "deep" / "a.py").write_text("A = 1")
    monkeypatch.setattr(code_location.isthmus_transforms, "__file__", str(tree / "__init__.py"))

    def version() -> str:
        code_version.cache_clear()
        return code_version()

    try:
        seen = [version()]
        assert version() == seen[0]
        (tree / "notes.txt").write_text("not code")
        assert version() == seen[0]
        (tree / "deep" / "a.py").write_text("A = 2")
        seen.append(version())
        (tree / "deep" / "a.py").rename(tree / "deep" / "b.py")
        seen.append(version())
        assert len(set(seen)) == 3
    finally:
        code_version.cache_clear()


def test_the_version_of_this_trees_code_is_short() -> None:
    assert re.fullmatch("[0-9a-f]{12}", code_version())


@pytest.mark.parametrize(
    "name", ["json", "sys", "pandas", "hamilton.node", "zipimport", "pyarrow.lib", "", None]
)
def test_the_standard_library_and_installed_libraries_are_not_our_own(name: object) -> None:
    assert not is_own(name)


def test_our_packages_and_what_lies_outside_libraries_are_our_own(
    module_of: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_own("isthmus_transforms.dataflows")
    assert is_own("isthmus_contracts")
    assert is_own(module_of("a = 1").__name__)
    monkeypatch.setitem(sys.modules, "a_notebook", ModuleType("a_notebook"))
    assert is_own("a_notebook")


class Distribution:
    def __init__(self, version: str, folder: Path) -> None:
        self.metadata = {"Name": "numpy"}
        self.version = version
        self._folder = folder

    def locate_file(self, path: str) -> Path:
        return self._folder / path


def _versions(monkeypatch: pytest.MonkeyPatch, *distributions: Distribution) -> tuple[str, ...]:
    monkeypatch.setattr("importlib.metadata.distributions", lambda: distributions)
    return versions.__wrapped__()  # type: ignore[attr-defined,no-any-return]


def test_versions_are_those_of_python_and_every_library(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Path("/nowhere")
    one, other = (Distribution(version, nowhere) for version in "12")
    assert _versions(monkeypatch, one)[0] == sys.version
    assert _versions(monkeypatch, one) != _versions(monkeypatch, other)
    assert _versions(monkeypatch, one, other) == _versions(monkeypatch, other, one)


def test_a_library_that_was_installed_after_this_process_started_is_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UnknownDependencyError, match="changed after this process started"):
        _versions(monkeypatch, Distribution("1", tmp_path))


def test_loaded_modules_are_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "no_module", object())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "not_there", None)  # type: ignore[arg-type]
    found = loaded_modules()
    assert found["sys"] is sys
    assert not found.keys() & {"no_module", "not_there"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the package in a git repository of its own, of one commit."""
    folder = tmp_path / "src" / "isthmus_transforms"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first")
    monkeypatch.setattr(code_location.isthmus_transforms, "__file__", str(folder / "__init__.py"))
    code_location.revision.cache_clear()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def revision_now() -> str | None:
    code_location.revision.cache_clear()
    return code_location.revision()


@pytest.mark.slow
def test_the_revision_is_that_of_git_and_says_whether_all_is_committed(package: Path) -> None:
    commit = git(package, "rev-parse", "HEAD")
    assert revision_now() == commit
    (package / "new.py").touch()
    assert revision_now() == f"{commit}-dirty"
    (package / "new.py").unlink()
    (package / "__init__.py").write_text("changed = 1")
    assert revision_now() == f"{commit}-dirty"


@pytest.mark.slow
def test_code_that_git_does_not_know_has_no_revision(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = package.parent / "site-packages" / "isthmus_transforms"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    place = str(installed / "__init__.py")
    monkeypatch.setattr(code_location.isthmus_transforms, "__file__", place)
    assert revision_now() is None  # although another project's repository is around it
    (installed / "REVISION").write_text("abc123\n")
    assert revision_now() == "abc123"


def test_without_git_there_is_no_revision(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(package))
    assert revision_now() is None
