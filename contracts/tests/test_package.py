from __future__ import annotations

import doctest
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import isthmus_contracts
from isthmus_contracts import exact_floats, formatting, params, protocol, rules, testing, tools

SOURCE = Path(__file__).parents[1] / "src"
IMPORT_ALL = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
sys.path = [sys.argv[1], *sys.path]
import isthmus_contracts
names = [m.name for m in pkgutil.walk_packages(isthmus_contracts.__path__, "isthmus_contracts.")]
for name in names:
    importlib.import_module(name)
print(json.dumps([names, sorted({module.split(".")[0] for module in set(sys.modules) - before})]))
"""


def test_the_package_imports_nothing_outside_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", IMPORT_ALL, str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names, imported = json.loads(done.stdout)
    assert "isthmus_contracts.testing.conformance" in names
    foreign = set(imported) - sys.stdlib_module_names - {"isthmus_contracts"}
    assert not foreign


def test_everything_that_is_promised_is_there() -> None:
    assert sorted(isthmus_contracts.__all__) == isthmus_contracts.__all__
    for name in isthmus_contracts.__all__:
        assert hasattr(isthmus_contracts, name)


WITH_EXAMPLES = (exact_floats, formatting, params, rules)


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_module_with_examples_is_listed() -> None:
    files = {path for path in SOURCE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")}
    assert files == {Path(str(module.__file__)) for module in WITH_EXAMPLES}


def test_each_package_maps_its_modules_in_its_docstring() -> None:
    for package in (isthmus_contracts, protocol, testing, tools):
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                assert f"`{module.name}`" in (package.__doc__ or ""), module.name


def test_the_package_is_typed() -> None:
    assert (SOURCE / "isthmus_contracts" / "py.typed").is_file()
