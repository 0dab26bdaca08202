"""`isthmus`: a data scientist's day without Airflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Column as GridColumn
from rich.table import Table as Grid

from isthmus_contracts import (
    ContractError,
    DataflowContract,
    Interval,
    Metrics,
    Output,
    Table,
    UnknownNameError,
    resolve_interval,
)
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.protocol import (
    CheckFinished,
    EngineProfile,
    Event,
    NodeFailed,
    NodeFinished,
    StagedOutput,
)
from isthmus_contracts.tools.graph_svg import graph_svg
from isthmus_transforms.errors import NodeError, UserError

_OPTIONS = ("inputs", "out", "engine", "workers", "checkpoints")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 if all went well, 1 if a function failed, 2 for a mistake."""
    console = Console(highlight=False, markup=False, emoji=False)
    try:
        options = _parse(list(sys.argv[1:] if arguments is None else arguments))
        command = {"run": _run, "describe": _describe, "view": _view}[options.command]
        command(options, console)
    except NodeError as error:
        print(error.traceback, file=sys.stderr)
        print(f"isthmus: {error}", file=sys.stderr)
        return 1
    except (UserError, ContractError, OSError) as error:
        print(f"isthmus: {error}", file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="isthmus",
        description=__doc__,
        epilog="Each command has a --help of its own; `isthmus run DATAFLOW --help` lists params.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="compute a dataflow's outputs from Parquet files")
    describe = commands.add_parser("describe", help="show a dataflow's contract and its functions")
    describe.add_argument("dataflow", help=_known())
    view = commands.add_parser("view", help="draw a dataflow's functions as SVG or HTML")
    view.add_argument("dataflow", help=_known())
    view.add_argument(
        "-o", "--out", type=Path, help="the file to write, .svg or .html; default: DATAFLOW.svg"
    )
    if arguments[:1] == ["run"]:
        return _parse_run(arguments[1:])
    return parser.parse_args(arguments)


def _known() -> str:
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)


def _parse_run(arguments: list[str]) -> argparse.Namespace:
    """Parse with the options that the dataflow's own params make."""
    known = argparse.ArgumentParser("isthmus run", add_help=False)
    known.add_argument("dataflow", nargs="?")
    for option in _OPTIONS:
        known.add_argument(f"--{option}")
    name: str | None = known.parse_known_args(arguments)[0].dataflow
    contract = CATALOG.dataflow(name) if name else None
    parser = argparse.ArgumentParser(
        prog="isthmus run",
        description="Compute a dataflow's outputs from Parquet files, without Airflow.",
        epilog="`isthmus-platform export-inputs` writes the inputs of a run that Airflow made.",
    )
    parser.set_defaults(command="run")
    parser.add_argument("dataflow", help=_known())
    parser.add_argument(
        "--inputs", type=Path, required=True, metavar="DIR", help="holds <input>.parquet files"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where outputs go; default: out/DATAFLOW"
    )
    parser.add_argument(
        "--engine",
        default="sequential",
        metavar="NAME",
        help="on what functions run: sequential, threads or processes; default: %(default)s",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="how many at once; default: one for each core"
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="keeps results that took long, so that the next run goes on from them",
    )
    if contract and contract.partitioned:
        _add_interval(parser, contract)
    group = parser.add_argument_group("params")
    for param in contract.params if contract else ():
        group.add_argument(
            _flag(param.name),
            dest=f"param_{param.name}",
            metavar=param.type.upper(),
            help=f"{param.description} ({param.allowed}; default: {param.default})".replace(
                "%", "%%"
            ),
        )
    return parser.parse_args(arguments)


def _flag(param: str) -> str:
    """Return the option that gives a param; one that is called as ours are has a longer one."""
    name = param.replace("_", "-")
    return f"--param-{name}" if name in (*_OPTIONS, "help") else f"--{name}"


def _add_interval(parser: argparse.ArgumentParser, contract: DataflowContract) -> None:
    parts = ", ".join(f"{each.name} by {each.partitioning}" for each in contract.partitioned)
    group = parser.add_argument_group(
        "interval",
        f"Compute only what lies in it; it holds whole partitions of {parts}. Default: everything.",
    )
    group.add_argument("--interval-start", metavar="DATE", help="its first day, as in 2013-01-31")
    group.add_argument("--interval-end", metavar="DATE", help="the day after its last")


def _given_interval(contract: DataflowContract, options: argparse.Namespace) -> Interval | None:
    if not contract.partitioned:
        return None
    return resolve_interval(contract, options.interval_start, options.interval_end)


def _given_params(contract: DataflowContract, options: argparse.Namespace) -> dict[str, object]:
    texts = {param: getattr(options, f"param_{param.name}") for param in contract.params}
    return {value.name: value.parse(text) for value, text in texts.items() if text is not None}


def _run(options: argparse.Namespace, console: Console) -> None:
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415
    from isthmus_transforms.runtime.frames.inputs import read_input  # noqa: PLC0415
    from isthmus_transforms.runtime.staging import stage  # noqa: PLC0415

    dataflow = load_dataflow(options.dataflow)
    contract = dataflow.contract
    params = _given_params(contract, options)
    interval = _given_interval(contract, options)
    workers = {} if options.workers is None else {"workers": options.workers}
    engine = EngineProfile(options.engine, workers)
    graph = dataflow.describe(params)
    total = sum(node.kind == "function" for node in graph.nodes)
    told: list[Event] = []
    frames = {
        declared.name: read_input(
            declared, [options.inputs / f"{declared.name}.parquet"], interval, told.append
        )
        for declared in contract.inputs
    }
    folder: Path = options.out or Path("out") / contract.name
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("computing") as status:
        done = 0

        def on_event(event: Event) -> None:
            nonlocal done
            told.append(event)
            if isinstance(event, NodeFinished | NodeFailed):
                done += 1
                status.update(f"{done} of {total} nodes · {event.node} {event.seconds:.2f} s")

        names = [output.name for output in contract.outputs]
        values = dataflow.compute(
            names, frames, params, on_event, interval, engine, options.checkpoints
        )
    staged = [
        stage(output, values.pop(output.name), folder, interval, told.append)
        for output in contract.outputs
    ]
    _remove_replaced(contract, staged, folder, interval)
    console.print(_outputs_grid(contract, staged, folder))
    for line in _check_results(told):
        console.print(line, soft_wrap=True)


def _check_results(told: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each check that warns, and one that counts all."""
    checks = [event for event in told if isinstance(event, CheckFinished)]
    failed = [check for check in checks if not check.result.passed]
    for check in failed:
        yield f"warning: {check.subject}: {check.result.sentence}"
    yield f"{len(checks)} checks, {len(checks) - len(failed)} passed"


def _remove_replaced(
    contract: DataflowContract,
    staged: Sequence[StagedOutput],
    folder: Path,
    interval: Interval | None,
) -> None:
    """Remove the files of an earlier run for partitions that have no rows any more."""
    kept = {folder / file.path for output in staged for file in output.files}
    for table in contract.partitioned:
        names = table.partitioning.names(interval) if table.partitioning and interval else None
        for path in (folder / table.name).glob("*.parquet"):
            if path not in kept and (names is None or path.stem in names):
                path.unlink()


def _outputs_grid(contract: DataflowContract, staged: Sequence[StagedOutput], folder: Path) -> Grid:
    place = GridColumn("place", overflow="fold")  # a path that is cut off opens nothing
    grid = Grid("output", "content", place, title=f"{contract.identity}", title_justify="left")
    for output in staged:
        if output.metrics is not None:
            numbers = (f"{name} {value:.6g}" for name, value in output.metrics.items())
            grid.add_row(output.name, "\n".join(numbers), "")
        for file in output.files:
            size = f"{file.bytes:,} bytes" if file.rows is None else f"{file.rows:,} rows"
            grid.add_row(output.name, size, str(folder / file.path))
    return grid


def _describe(options: argparse.Namespace, console: Console) -> None:
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415

    dataflow = load_dataflow(options.dataflow)
    contract = dataflow.contract
    console.print(f"{contract.identity} {contract.version}, owner {contract.owner}", style="bold")
    console.print(contract.description)
    inputs = Grid("input", "from", "what it is", title="takes", title_justify="left")
    for declared in contract.inputs:
        origin = (
            f"{declared.source}, within {declared.filter_column}"
            if declared.filter_column
            else str(declared.source)
        )
        inputs.add_row(declared.name, origin, declared.table.description)
    params = Grid("param", "default", "allowed", "what it is", title="params", title_justify="left")
    for param in contract.params:
        params.add_row(param.name, str(param.default), param.allowed, param.description)
    outputs = Grid("output", "kind", "what it is", title="offers", title_justify="left")
    for output in contract.outputs:
        outputs.add_row(output.name, _kind(output), output.description)
    nodes = Grid("function", "place", "what it is", title="computes", title_justify="left")
    for node in dataflow.describe().nodes:
        if node.kind == "function":
            nodes.add_row(node.name, f"{Path(node.file or '').name}:{node.line}", node.description)
    for grid in (inputs, params, outputs, nodes):
        if grid.row_count:
            console.print(grid)


def _kind(output: Output) -> str:
    if isinstance(output, Table):
        parts = f", by {output.partitioning}" if output.partitioning else ""
        return f"table, {len(output.columns)} columns{parts}"
    if isinstance(output, Metrics):
        return f"{len(output.metrics)} metrics"
    return f"file, {output.suffix}"


def _view(options: argparse.Namespace, console: Console) -> None:
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415

    dataflow = load_dataflow(options.dataflow)
    path: Path = options.out or Path(f"{dataflow.contract.name}.svg")
    writers: Mapping[str, str] = {
        ".svg": "{svg}",
        ".html": "<!doctype html><title>{title}</title>{svg}",
    }
    if path.suffix not in writers:
        raise UnknownNameError("kind of picture", path.suffix, writers)
    svg = graph_svg(dataflow.describe())
    title = escape(str(dataflow.contract.identity))
    path.write_text(writers[path.suffix].format(svg=svg, title=title), encoding="utf-8")
    console.print(f"wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
