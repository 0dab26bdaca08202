"""`isthmus describe`: show a dataflow's contract and its functions."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from isthmus_contracts import Input, Metrics, Output, Table, param_text
from isthmus_contracts.formatting import printable
from isthmus_transforms.cli.params import given_params, known_dataflows, named_contract, parse


def parse_describe(arguments: list[str]) -> argparse.Namespace:
    """Return the options of `isthmus describe`: one for each param of the dataflow."""
    parser = argparse.ArgumentParser(
        prog="isthmus describe", description="Show a dataflow's contract and its functions."
    )
    parser.set_defaults(command="describe")
    parser.add_argument("dataflow", help=known_dataflows())
    return parse(parser, arguments, named_contract("describe", arguments))


def describe(options: argparse.Namespace, console: Console) -> None:
    """Print what the dataflow reads, its params, its outputs and the functions that they choose."""
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415 - a second for --help

    dataflow = load_dataflow(options.dataflow)
    contract = dataflow.contract
    nodes = dataflow.describe(given_params(contract, options)).nodes
    console.print(f"{contract.identity} {contract.version}, owner {contract.owner}", style="bold")
    console.print(contract.description)
    inputs = Grid("input", "source", "description", title="inputs", title_justify="left")
    for declared in contract.inputs:
        inputs.add_row(declared.name, _source(declared), declared.table.description)
    params = Grid("param", "default", "allowed", "description", title="params")
    params.title_justify = "left"
    for param in contract.params:
        default = param_text(param.default)
        params.add_row(param.name, default, param.allowed, param.description)
    outputs = Grid("output", "kind", "description", title="outputs", title_justify="left")
    for output in contract.outputs:
        outputs.add_row(output.name, _kind(output), output.description)
    functions = Grid("function", "defined in", "description", title="functions")
    functions.title_justify = "left"
    for node in nodes:
        if node.kind == "function":
            place = f"{Path(node.file or '').name}:{node.line}"
            functions.add_row(*map(printable, (node.name, place, node.description)))
    for grid in (inputs, params, outputs, functions):
        if grid.row_count:
            console.print(grid)


def _source(declared: Input) -> str:
    if declared.filter_column is None:
        return str(declared.source)
    return f"{declared.source}, filtered by {declared.filter_column}"


def _kind(output: Output) -> str:
    if isinstance(output, Table):
        partitioning = f", by {output.partitioning}" if output.partitioning else ""
        return f"table, {len(output.columns)} columns{partitioning}"
    if isinstance(output, Metrics):
        return f"{len(output.metrics)} metrics"
    return f"file, {output.suffix}"
