from __future__ import annotations

import re
from itertools import combinations, pairwise
from typing import Literal, get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts.protocol import Graph, GraphNode
from isthmus_contracts.tools.graph_svg import graph_svg

SVG = "{http://www.w3.org/2000/svg}"
Kind = Literal["input", "param", "function"]
KINDS: st.SearchStrategy[Kind] = st.sampled_from(get_args(Kind))


def node(name: str, *dependencies: str) -> GraphNode:
    kind: Kind = "function" if dependencies else "input"
    return GraphNode(name, kind, "int", "A node.", dependencies)


def parsed(svg: str) -> ET.Element:
    svg.encode()
    return ET.fromstring(svg)  # noqa: S314


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    numbers = [
        [float(rect.attrib[name]) for name in ("x", "y", "width", "height")]
        for rect in root.iter(f"{SVG}rect")
    ]
    return [(x, y, x + width, y + height) for x, y, width, height in numbers]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph as a runner sends it: each node after its dependencies."""
    nodes: list[GraphNode] = []
    for index in range(draw(st.integers(0, 12))):
        kind = draw(KINDS)
        names = [node_.name for node_ in nodes] if kind == "function" else []
        chosen = draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
        name = f"n{index}" + "x" * draw(st.integers(0, 20))
        nodes.append(GraphNode(name, kind, "int", "", tuple(sorted(chosen))))
    return Graph(0.0, tuple(nodes))


@st.composite
def hostile_graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph that follows no rule: cycles, unknown names, names twice, any character."""
    text = st.text(st.characters(), max_size=5)
    names = draw(st.lists(text, min_size=1, max_size=6))
    dependencies = st.lists(st.sampled_from([*names, "unknown"]), max_size=3).map(tuple)
    nodes = [
        GraphNode(name, draw(KINDS), draw(text), draw(text), draw(dependencies)) for name in names
    ]
    return Graph(0.0, tuple(nodes))


@given(graphs())
def test_no_box_overlaps_another_or_leaves_the_picture(graph: Graph) -> None:
    root = parsed(graph_svg(graph))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    drawn = boxes(root)
    assert len(drawn) == len(graph.nodes)
    for left, top, right, bottom in drawn:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for one, other in combinations(drawn, 2):
        apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert apart, f"{one} and {other} overlap"


@given(graphs())
def test_a_dependency_stands_left_of_what_needs_it(graph: Graph) -> None:
    root = parsed(graph_svg(graph))
    place = dict(zip((node_.name for node_ in graph.nodes), boxes(root), strict=True))
    for node_ in graph.nodes:
        for name in node_.dependencies:
            assert place[name][2] < place[node_.name][0]
    assert len(list(root.iter(f"{SVG}path"))) == sum(
        len(node_.dependencies) for node_ in graph.nodes
    )


@given(graphs())
def test_the_same_graph_gives_the_same_picture(graph: Graph) -> None:
    assert graph_svg(graph) == graph_svg(Graph(99.0, graph.nodes))


@given(hostile_graphs(), st.text(st.characters(), max_size=5))
def test_any_graph_gives_well_formed_xml(graph: Graph, state: str) -> None:
    root = parsed(graph_svg(graph, {node_.name: state for node_ in graph.nodes}))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "style", "path", "g", "title", "rect", "text")
    }


def test_what_a_dataflow_says_is_escaped() -> None:
    evil = "<script>alert('\"&')</script>"
    described = GraphNode(evil, "function", evil, evil, (), evil, evil, f'"{evil}', 1)
    svg = graph_svg(Graph(0.0, (described,)), {evil: f'"{evil}'})
    assert "<script" not in svg
    root = parsed(svg)
    (group,) = root.iter(f"{SVG}g")
    assert set(group.attrib) == {"class"}
    assert [element.tag.removeprefix(SVG) for element in group] == ["title", "rect", "text"]
    assert [element.text for element in root.iter(f"{SVG}text")] == [evil]


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\ud800", "\ufffe"])
def test_a_character_that_xml_lacks_is_replaced(character: str) -> None:
    described = GraphNode("x", "function", "int", f"a{character}b", ())
    (title,) = parsed(graph_svg(Graph(0.0, (described,)))).iter(f"{SVG}title")
    assert title.text == "x: int\na\N{REPLACEMENT CHARACTER}b"


def test_a_tooltip_says_type_meaning_and_place() -> None:
    described = GraphNode("x", "function", "int", "The x.", (), None, "x_of", "pkg/x.py", 7)
    (title,) = parsed(graph_svg(Graph(0.0, (described,)))).iter(f"{SVG}title")
    assert title.text == "x: int\nThe x.\npkg/x.py:7"


def test_kind_target_and_state_are_classes() -> None:
    graph = Graph(0.0, (node("a"), GraphNode("b", "function", "int", "", ("a",), "out")))
    root = parsed(graph_svg(graph, {"b": "failed", "gone": "failed"}))
    assert [element.attrib["class"] for element in root.iter(f"{SVG}g")] == [
        "input",
        "function target failed",
    ]


def test_an_empty_graph_is_an_empty_picture() -> None:
    root = parsed(graph_svg(Graph(0.0, ())))
    assert not boxes(root)
    assert not list(root.iter(f"{SVG}path"))
    assert float(root.attrib["width"]) > 0
    assert float(root.attrib["height"]) > 0


def test_a_dependency_that_is_not_shown_draws_no_edge() -> None:
    root = parsed(graph_svg(Graph(0.0, (node("b", "elsewhere"),))))
    assert len(boxes(root)) == 1
    assert not list(root.iter(f"{SVG}path"))


def test_an_input_stands_beside_its_first_use() -> None:
    chain = [node("a"), node("b", "a"), node("c", "b"), node("late"), node("d", "c", "late")]
    root = parsed(graph_svg(Graph(0.0, tuple(chain))))
    left = dict(zip((node_.name for node_ in chain), (box[0] for box in boxes(root)), strict=True))
    assert left["late"] == left["c"]


def test_no_edges_cross_where_none_need_to() -> None:
    straight = [node(f"in_{letter}") for letter in "abcd"]
    straight += [node(f"out_{letter}", f"in_{letter}") for letter in "dbca"]
    root = parsed(graph_svg(Graph(0.0, tuple(straight))))
    ends = sorted(
        tuple(map(float, re.findall(r"[\d.]+", path.attrib["d"])[1::6]))
        for path in root.iter(f"{SVG}path")
    )
    assert len(ends) == 4
    assert all(one[-1] < other[-1] for one, other in pairwise(ends))


def test_a_large_graph_is_drawn_at_once() -> None:
    nodes = [node("n0")]
    nodes += [node(f"n{index}", f"n{index // 2}", f"n{index - 1}") for index in range(1, 500)]
    assert len(boxes(parsed(graph_svg(Graph(0.0, tuple(nodes)))))) == 500
