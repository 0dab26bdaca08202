"""Sources of modules in a package called `sample`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_transforms.runtime.checkpoints.fingerprints import module_source
from isthmus_transforms.runtime.checkpoints.fingerprints.module_source import (
    ModuleSource,
    module_named,
)


@pytest.fixture
def source_of(
    module_of: Callable[[str, str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ModuleSource]:
    """Return a function that writes and loads a module, and returns its source.

    Sources are accepted although they are newer than this process.
    """
    monkeypatch.setattr(module_source, "STARTED", float("inf"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sample", raising=False)

    def make(text: str, name: str = "functions") -> ModuleSource:
        module_of(text, name)
        found = module_named(f"sample.{name}")
        assert found is not None
        return found

    return make
