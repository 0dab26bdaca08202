from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from isthmus_transforms.dataflows.airport_days import days
from isthmus_transforms.runtime import code_location
from isthmus_transforms.runtime.code_location import (
    CodeLocation,
    code_version,
    failing_line,
    location_of,
)


def test_the_file_of_a_function_starts_at_its_package() -> None:
    found = location_of(days.worst_hours)
    assert found.file == "isthmus_transforms/dataflows/airport_days/days.py"
    lines = Path(days.__file__).read_text(encoding="utf-8").splitlines()
    assert lines[found.line - 1].startswith("def worst_hours(")


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
