"""`isthmus run`: compute a dataflow's outputs from Parquet files, without Airflow."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column as GridColumn
from rich.table import Table as Grid

from isthmus_contracts import DataflowContract, Interval, UnknownNameError, resolve_interval
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.formatting import counted
from isthmus_contracts.protocol import (
    CheckFinished,
    EngineProfile,
    Event,
    NodeFailed,
    NodeFinished,
    StagedOutput,
)

_OPTIONS = ("inputs", "out", "engine", "workers", "checkpoints", "param")


def parse_run(arguments: list[str]) -> argparse.Namespace:
    """Return the options of `isthmus run`, with one for each param of the dataflow."""
    contract = _contract(arguments)
    parser = argparse.ArgumentParser(
        prog="isthmus run",
        description="Compute a dataflow's outputs from Parquet files, without Airflow.",
        epilog="`isthmus-platform export-inputs` writes the inputs of a run that Airflow made.",
    )
    parser.set_defaults(command="run")
    parser.add_argument("dataflow", help=known_dataflows())
    parser.add_argument(
        "--inputs",
        type=Path,
        required=True,
        metavar="DIR",
        help="the directory of the <input>.parquet files",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where outputs go; default: out/DATAFLOW"
    )
    parser.add_argument(
        "--engine",
        default="sequential",
        metavar="NAME",
        help="where functions run: sequential, threads or processes; default: %(default)s",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="how many functions run in parallel; default: one for each core",
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="where slow results are saved, so that the next run reuses them",
    )
    if contract and contract.partitioned:
        _add_interval(parser, contract)
    group = parser.add_argument_group("params")
    group.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any param, as in `isthmus-platform run`; may be given again",
    )
    for param in contract.params if contract else ():
        description = f"{param.description} ({param.allowed}; default: {param.default})"
        group.add_argument(
            _option(param.name),
            dest=f"param_{param.name}",
            metavar=param.type.upper(),
            help=description.replace("%", "%%"),
        )
    return parser.parse_args(arguments)


def known_dataflows() -> str:
    """Return the help text of an argument that names a dataflow."""
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)


def _contract(arguments: list[str]) -> DataflowContract | None:
    """Return the contract of the dataflow that the arguments name, if they name one."""
    parser = argparse.ArgumentParser("isthmus run", add_help=False)
    parser.add_argument("dataflow", nargs="?")
    for option in _OPTIONS:
        parser.add_argument(f"--{option}")
    parser.add_argument("-p")
    name: str | None = parser.parse_known_args(arguments)[0].dataflow
    return CATALOG.dataflow(name) if name else None


def _option(param: str) -> str:
    """Return the option of a param, with a prefix if `isthmus run` has an option of that name."""
    name = param.replace("_", "-")
    return f"--param-{name}" if name in (*_OPTIONS, "help") else f"--{name}"


def _add_interval(parser: argparse.ArgumentParser, contract: DataflowContract) -> None:
    tables = ", ".join(f"{table.name} by {table.partitioning}" for table in contract.partitioned)
    group = parser.add_argument_group(
        "interval",
        f"Compute an interval only; it consists of whole partitions ({tables}). "
        "Default: everything.",
    )
    group.add_argument("--interval-start", metavar="DATE", help="its first day, e.g. 2013-01-31")
    group.add_argument("--interval-end", metavar="DATE", help="the day after its last day")


def run(options: argparse.Namespace, console: Console) -> None:
    """Compute and write all outputs; print what was written and which checks failed."""
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415 - a second for --help
    from isthmus_transforms.runtime.frames.inputs import read_input  # noqa: PLC0415 - likewise
    from isthmus_transforms.runtime.staging import stage  # noqa: PLC0415 - likewise

    dataflow = load_dataflow(options.dataflow)
    contract = dataflow.contract
    params = _params(contract, options)
    interval = _interval(contract, options)
    workers = {} if options.workers is None else {"workers": options.workers}
    engine = EngineProfile(options.engine, workers)
    graph = dataflow.describe(params)
    total = sum(node.kind == "function" for node in graph.nodes)
    events: list[Event] = []
    frames = {
        declared.name: read_input(
            declared, [options.inputs / f"{declared.name}.parquet"], interval, events.append
        )
        for declared in contract.inputs
    }
    folder: Path = options.out or Path("out") / contract.name
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("computing") as status:
        done = 0

        def on_event(event: Event) -> None:
            nonlocal done
            events.append(event)
            if isinstance(event, NodeFinished | NodeFailed):
                done += 1
                status.update(f"{done} of {total} nodes · {event.node} {event.seconds:.2f} s")

        names = [output.name for output in contract.outputs]
        values = dataflow.compute(
            names, frames, params, on_event, interval, engine, options.checkpoints
        )
    staged = [
        stage(output, values.pop(output.name), folder, interval, events.append, "parquet")
        for output in contract.outputs
    ]
    _remove_stale_partitions(contract, staged, folder, interval)
    console.print(_outputs_grid(contract, staged, folder))
    for line in _check_lines(events):
        console.print(line, soft_wrap=True)


def _params(contract: DataflowContract, options: argparse.Namespace) -> dict[str, object]:
    params = {param.name: param for param in contract.params}
    texts = {name: getattr(options, f"param_{name}") for name in params}
    for given in options.param:
        name, _, text = given.partition("=")
        if name not in params:
            raise UnknownNameError("param", name, params)
        texts[name] = text
    return {name: params[name].parse(text) for name, text in texts.items() if text is not None}


def _interval(contract: DataflowContract, options: argparse.Namespace) -> Interval | None:
    if not contract.partitioned:
        return None
    return resolve_interval(contract, options.interval_start, options.interval_end)


def _check_lines(events: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each check that only warns, and one with the number of checks."""
    checks = [event for event in events if isinstance(event, CheckFinished)]
    failed = [check for check in checks if not check.result.passed]
    for check in failed:
        yield f"warning: {check.subject}: {check.result.sentence}"
    yield f"{len(checks)} checks, {len(checks) - len(failed)} passed"


def _remove_stale_partitions(
    contract: DataflowContract,
    staged: Sequence[StagedOutput],
    folder: Path,
    interval: Interval | None,
) -> None:
    """Remove the files of an earlier run for partitions that have no rows any more."""
    written = {folder / file.path for output in staged for file in output.files}
    for table in contract.partitioned:
        names = table.partitioning.names(interval) if table.partitioning and interval else None
        for path in (folder / table.name).glob("*.parquet"):
            if path not in written and (names is None or path.stem in names):
                path.unlink()


def _outputs_grid(contract: DataflowContract, staged: Sequence[StagedOutput], folder: Path) -> Grid:
    path = GridColumn("file", overflow="fold")  # a truncated path cannot be opened
    grid = Grid("output", "content", path, title=f"{contract.identity}", title_justify="left")
    for output in staged:
        if output.metrics is not None:
            numbers = (f"{name} {value:.6g}" for name, value in output.metrics.items())
            grid.add_row(output.name, "\n".join(numbers), "")
        for file in output.files:
            size = counted(file.bytes, "byte") if file.rows is None else counted(file.rows, "row")
            grid.add_row(output.name, size, str(folder / file.path))
    return grid
