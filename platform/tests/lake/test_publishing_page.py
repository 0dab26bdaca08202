"""`docs/publishing.md` names what there is: places of the lake, functions and tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from isthmus_contracts import Column, DataflowContract, Table
from isthmus_platform import lake as package
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.garbage_collection import collect_garbage
from isthmus_platform.lake.releases.publication import publish

TESTS = Path(__file__).parent
PAGE = TESTS.parents[2] / "docs" / "publishing.md"
TEXT = PAGE.read_text(encoding="utf-8")
SOURCE = Path(package.__file__).parent
PLACES = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


def test_the_places_are_exactly_those_where_something_lies(
    accepted: Callable[..., Accepted], lake: Lake, dataflow: DataflowContract
) -> None:
    source = lake.source("nyc", "numbers")
    commit(source, NUMBERS, write_table(source, NUMBERS, [pa.record_batch({"n": [1]})]), "put")
    publish(lake, dataflow, accepted(), params={}, inputs={})
    accepted("abandoned")
    keys = {file.key for file in lake.store.walk("")}
    collect_garbage(lake, timedelta(0), by="eve")
    keys |= {file.key for file in lake.store.walk("")}
    patterns = {place: re.sub(r"<\w+>", "[^/]+", re.escape(place)) for place in PLACES}
    where = {key: [p for p in PLACES if re.fullmatch(patterns[p], key)] for key in keys}
    assert [key for key, places in where.items() if len(places) != 1] == []
    assert {place for places in where.values() for place in places} == set(PLACES)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", TEXT))))
def test_a_test_that_is_named_exists(name: str) -> None:
    assert any(f"def {name}(" in path.read_text() for path in TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+\.py)`", TEXT))))
def test_a_module_of_tests_that_is_named_exists(name: str) -> None:
    assert any(TESTS.rglob(name))


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`([a-z_]+\.(?!py`)\w+(?:\.\w+)?)`", TEXT)))
)
def test_what_is_named_of_the_code_exists(name: str) -> None:
    module, *names = name.split(".")
    (file,) = SOURCE.rglob(f"{module}.py")
    source = file.read_text(encoding="utf-8")
    for part in names:
        assert re.search(rf"(def|class) {part}\b", source), name
