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
from isthmus_transforms.cli.params import given_params, known_dataflows, named_contract, parse

_TEMPLATES: Mapping[str, str] = MappingProxyType(
    {".svg": "{svg}", ".html": "<!doctype html><title>{title}</title>{svg}"}
)


def parse_view(arguments: list[str]) -> argparse.Namespace:
    """Return the options of `isthmus view`, with one for each param of the dataflow."""
    parser = argparse.ArgumentParser(
        prog="isthmus view", description="Draw a dataflow's functions as SVG or HTML."
    )
    parser.set_defaults(command="view")
    parser.add_argument("dataflow", help=known_dataflows())
    parser.add_argument(
        "-o", "--out", type=Path, help="the file to write, .svg or .html; default: DATAFLOW.svg"
    )
    return parse(parser, arguments, named_contract("view", arguments), ("--out",))


def view(options: argparse.Namespace, console: Console) -> None:
    """Write the graph of the functions that the params choose into a file."""
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415 - a second for --help

    dataflow = load_dataflow(options.dataflow)
    path: Path = options.out or Path(f"{dataflow.contract.name}.svg")
    if path.suffix not in _TEMPLATES:
        raise UnknownNameError("kind of picture", path.suffix, _TEMPLATES)
    svg = graph_svg(dataflow.describe(given_params(dataflow.contract, options)))
    title = escape(str(dataflow.contract.identity))
    path.write_text(_TEMPLATES[path.suffix].format(svg=svg, title=title), encoding="utf-8")
    console.print(f"wrote {path}")
