"""The README's example is a dataflow that runs."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus_contracts.catalog
import isthmus_transforms.dataflows
from isthmus_contracts import Table
from isthmus_contracts.catalog import FLIGHT_DELAYS
from isthmus_transforms.runtime.frames.types import arrow_schema

README = Path(__file__).parents[1] / "README.md"
PACKAGES = {
    "isthmus_contracts.catalog": isthmus_contracts.catalog,
    "isthmus_transforms.dataflows": isthmus_transforms.dataflows,
}
_NOTEBOOK = re.compile(r"## In a notebook\n\n```python\n(.*?)```", re.DOTALL)
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


_VALUES = {"string": "x", "bool": True, "date": date(2013, 1, 1)}


def _rows(table: Table) -> pa.Table:
    """Return three rows that the contract allows; their keys differ by their numbers."""
    values = {
        column.name: [
            choice
            if (choice := (column.choices or (_VALUES.get(column.type),))[0]) is not None
            else int(column.minimum or 0) + (number if column.name in table.key else 0)
            for number in range(3)
        ]
        for column in table.columns
    }
    return pa.table({**values, "departure_hour": [6, 7, 6]}).cast(arrow_schema(table))


def test_the_example_of_a_notebook_reads_and_computes(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files
    (example,) = _NOTEBOOK.findall(README.read_text(encoding="utf-8"))
    features = FLIGHT_DELAYS.output("flight_features")
    assert isinstance(features, Table)
    monkeypatch.chdir(tmp_path)
    Path("out/inputs").mkdir(parents=True)
    pq.write_table(_rows(features), "out/inputs/flight_features.parquet")
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - the README is ours
    assert names["hours"].to_dict("list") == {"departure_hour": [], "flights": []}
    airport = {"airport": "EWR"}
    computed = names["dataflow"].compute("hours", names["inputs"], airport)
    assert computed.to_dict("list") == {"departure_hour": [6, 7], "flights": [2, 1]}
