"""The README's example is a dataflow that runs."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import isthmus_contracts.catalog
import isthmus_transforms.dataflows

README = Path(__file__).parents[1] / "README.md"
PACKAGES = {
    "isthmus_contracts.catalog": isthmus_contracts.catalog,
    "isthmus_transforms.dataflows": isthmus_transforms.dataflows,
}
_FILE = re.compile(r"`\w+/src/([\w/]+)/([\w/]+\.py)`[.:]\n\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Write the example's files to where its packages look for modules."""
    written = []
    for folder, path, content in _FILE.findall(README.read_text(encoding="utf-8")):
        top, _, rest = f"{folder}/{path}".replace("/", ".").partition(".")
        package = next(name for name in PACKAGES if f"{top}.{rest}".startswith(f"{name}."))
        root = tmp_path / package
        file = root / f"{folder}/{path}".removeprefix(package.replace(".", "/")).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        search = [*PACKAGES[package].__path__, str(root)]
        monkeypatch.setattr(PACKAGES[package], "__path__", search)
        written.append(f"{folder}/{path}")
    before = set(sys.modules)
    yield written
    for name in set(sys.modules) - before:
        if name.endswith(("busy_hours", "busy_hours.hours", "taxi_firm")):
            del sys.modules[name]


def test_the_example_in_the_readme_runs(files: list[str]) -> None:
    assert len(files) == 4
    example = importlib.import_module("isthmus_transforms.dataflows.busy_hours").dataflow
    features = pd.DataFrame({"origin": ["JFK", "JFK", "EWR"], "departure_hour": [6, 7, 6]})
    made = example.compute(["hours"], {"flight_features": features}, {"airport": "JFK"})
    expected = pd.DataFrame({"departure_hour": [6, 7], "flights": [1, 1]})
    pd.testing.assert_frame_equal(made["hours"], expected)
    assert [node.name for node in example.describe().nodes] == [
        "flight_features",
        "airport",
        "hours",
    ]
