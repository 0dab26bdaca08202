from __future__ import annotations

import importlib.util

import pytest


@pytest.mark.parametrize("library", ["pandas", "hamilton", "sklearn", "isthmus_transforms"])
def test_the_other_sides_libraries_are_not_here(library: str) -> None:
    assert importlib.util.find_spec(library) is None
