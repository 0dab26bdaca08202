"""The examples in docstrings are right."""

from __future__ import annotations

import doctest
from pathlib import Path

import isthmus_transforms
from isthmus_transforms import loading, runtime
from isthmus_transforms.runtime import calls
from isthmus_transforms.runtime.checkpoints import used_names

MODULES = (runtime, calls, loading, used_names)


def test_examples_in_docstrings_are_right() -> None:
    for module in MODULES:
        result = doctest.testmod(module)
        assert result.attempted, module.__name__
        assert not result.failed, module.__name__


def test_every_module_with_an_example_is_tested() -> None:
    root = Path(isthmus_transforms.__file__).parent
    with_examples = {path for path in root.rglob("*.py") if ">>> " in path.read_text("utf-8")}
    assert with_examples == {Path(module.__file__ or "") for module in MODULES}
