"""The one picture of a graph, so that a notebook, a terminal and Airflow show the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape as escape_markup

from isthmus_contracts.protocol import Graph, GraphNode

_ROW, _GAP, _MARGIN, _CHAR, _BOX = 34, 60, 24, 7.0, 24
_SWEEPS = 8
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """
svg { background: #ffffff; font: 12px ui-sans-serif, system-ui, sans-serif; }
path { fill: none; stroke: #b6bfca; stroke-width: 1.2; }
rect { stroke: #8a97a8; fill: #f4f7fa; }
.input rect { fill: #e3f1ea; stroke: #4f9a76; }
.param rect { fill: #fdf3d8; stroke: #c99a2e; }
.target rect { fill: #dce9fb; stroke: #3a74c4; stroke-width: 2; }
.failed rect { fill: #fbdedc; stroke: #c0392b; stroke-width: 2; }
text { fill: #1d2733; dominant-baseline: central; text-anchor: middle; }
"""


def graph_svg(graph: Graph, states: Mapping[str, str] | None = None) -> str:
    """Return the graph as an SVG document, dependencies left of what needs them.

    A node's tooltip says its meaning, type and place in the code; `states` adds a class to
    a node, such as `failed`. Everything shown is escaped.
    """
    nodes = {node.name: node for node in graph.nodes}
    layers = _ordered(nodes, _layers(nodes))
    places, width, height = _places(layers)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img"',
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">',
        f"<style>{_STYLE}</style>",
    ]
    for node in nodes.values():
        lines += [_edge(places[name], places[node.name]) for name in _known(node, nodes)]
    for node in nodes.values():
        lines.append(_box(node, places[node.name], (states or {}).get(node.name)))
    return "\n".join([*lines, "</svg>", ""])


def _known(node: GraphNode, nodes: Mapping[str, GraphNode]) -> list[str]:
    return [name for name in node.dependencies if name in nodes]


def _layers(nodes: Mapping[str, GraphNode]) -> list[list[str]]:
    depth: dict[str, int] = {}
    for node in nodes.values():
        depth[node.name] = 1 + max((depth.get(name, 0) for name in _known(node, nodes)), default=-1)
    consumers = _consumers(nodes)
    for name in reversed(tuple(nodes)):
        if nodes[name].kind != "function" and consumers[name]:
            depth[name] = max(0, min(depth[consumer] for consumer in consumers[name]) - 1)
    layers: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=0))]
    for name, layer in depth.items():
        layers[layer].append(name)
    return layers


def _consumers(nodes: Mapping[str, GraphNode]) -> dict[str, list[str]]:
    consumers: dict[str, list[str]] = defaultdict(list)
    for node in nodes.values():
        for name in _known(node, nodes):
            consumers[name].append(node.name)
    return consumers


def _ordered(nodes: Mapping[str, GraphNode], layers: list[list[str]]) -> list[list[str]]:
    """Sort each layer by where its neighbours stand, to and fro, so that few edges cross."""
    consumers = _consumers(nodes)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        position = {
            name: index - len(layer) / 2 for layer in layers for index, name in enumerate(layer)
        }
        for layer in layers if forward else reversed(layers):
            neighbours = {
                name: _known(nodes[name], nodes) if forward else consumers[name] for name in layer
            }
            wanted = {name: _mean(position, neighbours[name], position[name]) for name in layer}
            layer.sort(key=wanted.__getitem__)
            position |= {name: index - len(layer) / 2 for index, name in enumerate(layer)}
    return layers


def _mean(position: Mapping[str, float], names: list[str], otherwise: float) -> float:
    return sum(position[name] for name in names) / len(names) if names else otherwise


def _places(
    layers: Iterable[list[str]],
) -> tuple[dict[str, tuple[float, float, float]], float, float]:
    """Return x, y of each box's left middle and its width; then the picture's width and height."""
    columns = list(layers)
    tallest = max((len(layer) for layer in columns), default=1)
    places: dict[str, tuple[float, float, float]] = {}
    x: float = _MARGIN
    for layer in columns:
        widest = max((len(name) * _CHAR + 20 for name in layer), default=0)
        top = _MARGIN + (tallest - len(layer)) * _ROW / 2
        for index, name in enumerate(layer):
            places[name] = (x, top + index * _ROW + _ROW / 2, widest)
        x += widest + _GAP
    return places, x - _GAP + _MARGIN, tallest * _ROW + 2 * _MARGIN


def _edge(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    x1, y1, x2, y2 = start[0] + start[2], start[1], end[0], end[1]
    bend = min(_GAP / 2, (x2 - x1) / 2)
    return f'<path d="M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'


def _escape(text: str) -> str:
    return escape_markup(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _box(node: GraphNode, place: tuple[float, float, float], state: str | None) -> str:
    x, y, width = place
    classes = " ".join(filter(None, [node.kind, "target" if node.target else None, state]))
    source = f"{node.file}:{node.line}" if node.file else ""
    title = "\n".join(filter(None, [f"{node.name}: {node.type}", node.description, source]))
    return (
        f'<g class="{_escape(classes)}"><title>{_escape(title)}</title>'
        f'<rect x="{x:g}" y="{y - _BOX / 2:g}" width="{width:g}" height="{_BOX}" rx="5"/>'
        f'<text x="{x + width / 2:g}" y="{y:g}">{_escape(node.name)}</text></g>'
    )
