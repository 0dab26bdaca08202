"""`isthmus view`: draw a dataflow's functions as SVG or HTML."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from isthmus_contracts import UnknownNameError
from isthmus_contracts.tools.graph_svg import graph_svg

_TEMPLATES: Mapping[str, str] = MappingProxyType(
    {".svg": "{svg}", ".html": "<!doctype html><title>{title}</title>{svg}"}
)


def view(options: argparse.Namespace, console: Console) -> None:
    """Write the graph of the dataflow's functions into a file."""
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415 - a second for --help

    dataflow = load_dataflow(options.dataflow)
    path: Path = options.out or Path(f"{dataflow.contract.name}.svg")
    if path.suffix not in _TEMPLATES:
        raise UnknownNameError("kind of picture", path.suffix, _TEMPLATES)
    svg = graph_svg(dataflow.describe())
    title = escape(str(dataflow.contract.identity))
    path.write_text(_TEMPLATES[path.suffix].format(svg=svg, title=title), encoding="utf-8")
    console.print(f"wrote {path}")
