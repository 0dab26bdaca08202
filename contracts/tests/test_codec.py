from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pytest

from isthmus_contracts import DeclarationError, ProtocolError
from isthmus_contracts.codec import deserialize, deserialize_field, parse_json, serialize, since


@dataclass(frozen=True, slots=True)
class Leaf:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise DeclarationError("a leaf is not that small")


@dataclass(frozen=True, slots=True)
class Tree:
    name: str
    kind: Literal["oak", "elm"] = "oak"
    height: float = 1.0
    alive: bool = True
    note: str | None = None
    leaves: tuple[Leaf, ...] = ()
    best: Leaf | None = None
    tags: Mapping[str, str | int | float | bool] | None = None
    fruit: Mapping[str, int | list[int | bool] | dict[str, int | bool]] | None = None
    rings: Mapping[str, tuple[int, ...]] | None = None
    planted: date | None = None


FULL = Tree(
    name="a",
    kind="elm",
    height=2.5,
    alive=False,
    note="old",
    leaves=(Leaf(1), Leaf(2)),
    best=Leaf(3),
    tags={"s": "x", "i": 1, "f": 1.0, "b": True},
    fruit={"one": 1, "list": [1, True], "dict": {"a": True, "b": 1}, "none": []},
    rings={"inner": (1, 2), "outer": ()},
    planted=date(1913, 1, 31),
)


def test_a_value_becomes_plain() -> None:
    assert serialize(FULL) == {
        "name": "a",
        "kind": "elm",
        "height": 2.5,
        "alive": False,
        "note": "old",
        "leaves": [{"size": 1}, {"size": 2}],
        "best": {"size": 3},
        "tags": {"s": "x", "i": 1, "f": 1.0, "b": True},
        "fruit": {"one": 1, "list": [1, True], "dict": {"a": True, "b": 1}, "none": []},
        "rings": {"inner": [1, 2], "outer": []},
        "planted": "1913-01-31",
    }


@pytest.mark.parametrize("tree", [FULL, Tree("a")])
def test_a_value_comes_back_through_json(tree: Tree) -> None:
    back = deserialize(Tree, json.loads(json.dumps(serialize(tree))))
    assert back == tree
    assert repr(back) == repr(tree)


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert deserialize(Tree, {"name": "a"}) == Tree("a")


def test_a_whole_number_is_a_float_where_a_float_is_due() -> None:
    height = deserialize(Tree, {"name": "a", "height": 2}).height
    assert height == 2.0
    assert type(height) is float


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (1, "Tree: expected an object, got 1"),
        (None, "Tree: expected an object, got None"),
        ([], "Tree: expected an object, got a list"),
        ({}, "Tree: field 'name' is missing"),
        (
            {"name": "a", "x": 1},
            (
                "Tree: unknown field 'x'; known: 'name', 'kind', 'height', 'alive', 'note', "
                "'leaves', 'best', 'tags', 'fruit', 'rings', 'planted'"
            ),
        ),
        ({"name": 1}, "Tree.name: expected str, got 1"),
        ({"name": None}, "Tree.name: expected str, got None"),
        ({"name": {}}, "Tree.name: expected str, got an object"),
        ({"name": "a", "kind": "ash"}, "Tree.kind: expected one of 'oak', 'elm', got 'ash'"),
        ({"name": "a", "kind": ["oak"]}, "Tree.kind: expected one of 'oak', 'elm', got a list"),
        ({"name": "a", "height": "2"}, "Tree.height: expected float, got '2'"),
        ({"name": "a", "height": True}, "Tree.height: expected float, got True"),
        (
            {"name": "a", "height": 10**400},
            "Tree.height: expected float, got an integer that does not fit",
        ),
        ({"name": "a", "alive": 1}, "Tree.alive: expected bool, got 1"),
        ({"name": "a", "note": 1}, "Tree.note: expected str, got 1"),
        ({"name": "a", "leaves": {}}, "Tree.leaves: expected a list, got an object"),
        ({"name": "a", "leaves": "ab"}, "Tree.leaves: expected a list, got 'ab'"),
        ({"name": "a", "leaves": [1]}, "Tree.leaves[0]: expected an object, got 1"),
        (
            {"name": "a", "leaves": [{"size": 1}, {"size": 1.0}]},
            "Tree.leaves[1].size: expected int, got 1.0",
        ),
        ({"name": "a", "leaves": [{}]}, "Tree.leaves[0]: field 'size' is missing"),
        ({"name": "a", "best": {"size": True}}, "Tree.best.size: expected int, got True"),
        ({"name": "a", "tags": []}, "Tree.tags: expected an object, got a list"),
        (
            {"name": "a", "tags": {"x": None}},
            "Tree.tags.x: expected one of str, int, float, bool, got None",
        ),
        (
            {"name": "a", "fruit": {"x": None}},
            "Tree.fruit.x: expected one of int, list, dict, got None",
        ),
        (
            {"name": "a", "fruit": {"x": [1, 1.5]}},
            "Tree.fruit.x[1]: expected one of int, bool, got 1.5",
        ),
        (
            {"name": "a", "fruit": {"x": {"y": []}}},
            "Tree.fruit.x.y: expected one of int, bool, got a list",
        ),
        ({"name": "a", "rings": {"x": [1, "2"]}}, "Tree.rings.x[1]: expected int, got '2'"),
        (
            {"name": "a", "leaves": [{"size": 1}, {"size": -1}]},
            "Tree.leaves[1]: a leaf is not that small",
        ),
        ({"name": "a", "planted": 1913}, "Tree.planted: expected date, got 1913"),
        *(
            (
                {"name": "a", "planted": text},
                f"Tree.planted: expected a day as in '2013-01-31', got {text!r}",
            )
            for text in ("", "soon", "19130131", "1913-W05-5", "1913-1-31", "1913-01-31T00:00")
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_place(plain: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ProtocolError) as caught:
        deserialize(Tree, plain)
    assert str(caught.value) == message


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(ProtocolError) as caught:
        deserialize(Leaf, {"size": "x" * 10_000})
    assert str(caught.value) == f"Leaf.size: expected int, got '{'x' * 59}..."


def test_the_place_can_be_named() -> None:
    with pytest.raises(ProtocolError, match=r"^line 3: field 'size' is missing$"):
        deserialize(Leaf, {}, "line 3")


@dataclass(frozen=True, slots=True)
class Forest:
    trees: tuple[Tree, ...] = ()
    age: int = field(default=0, metadata=since(2))


@dataclass(frozen=True, slots=True)
class Country:
    forest: Forest


def test_one_field_is_read_alone() -> None:
    assert deserialize_field(Tree, "height", 2, "[trees].height") == 2.0
    assert deserialize_field(Tree, "best", {"size": 3}, "[trees].best") == Leaf(3)
    with pytest.raises(ProtocolError, match=r"^\[trees\].kind: expected one of 'oak', 'elm', got"):
        deserialize_field(Tree, "kind", "fir", "[trees].kind")


def test_a_version_leaves_out_what_came_after_it() -> None:
    assert serialize(Country(Forest()), 1) == {"forest": {"trees": []}}
    for version in (2, 3):
        assert serialize(Country(Forest()), version) == {"forest": {"trees": [], "age": 0}}
    assert deserialize(Country, {"forest": {}}, version=1) == Country(Forest())
    assert deserialize(Country, {"forest": {"age": 7}}, version=2) == Country(Forest(age=7))


def test_what_came_later_is_not_lost_in_silence() -> None:
    with pytest.raises(
        ProtocolError, match=r"^Forest\.age: version 1 has no such field, and it is"
    ):
        serialize(Country(Forest(age=7)), 1)
    with pytest.raises(ProtocolError, match=r"^Country\.forest: unknown field 'age'; known: 'tre"):
        deserialize(Country, {"forest": {"age": 0}}, version=1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value"),
        ("[NaN]", "NaN is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ('{"at": 1e999}', "1e999 does not fit in a float"),
        ("[" * 200_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_strict_json_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(text)


def test_strict_json_is_read_as_it_stands() -> None:
    assert parse_json('{"a": [1, 1.5, null, true, "x"]}') == {"a": [1, 1.5, None, True, "x"]}
