"""`isthmus run`: compute a dataflow's outputs from Parquet files, without Airflow."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column as GridColumn
from rich.table import Table as Grid

from isthmus_contracts import DataflowContract, Interval, resolve_interval
from isthmus_contracts.formatting import counted, printable
from isthmus_contracts.protocol import (
    CheckFinished,
    EngineProfile,
    Event,
    NodeFailed,
    NodeFinished,
    StagedOutput,
)
from isthmus_transforms.cli.params import (
    INTERVAL_OPTIONS,
    OPTIONS,
    given_params,
    known_dataflows,
    named_contract,
    parse,
)


def parse_run(arguments: list[str]) -> argparse.Namespace:
    """Return the options of `isthmus run`, with one for each param of the dataflow."""
    contract = named_contract("run", arguments)
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
        return parse(parser, arguments, contract, (*OPTIONS, *INTERVAL_OPTIONS))
    return parse(parser, arguments, contract, OPTIONS)


def _add_interval(parser: argparse.ArgumentParser, contract: DataflowContract) -> None:
    tables = ", ".join(f"{table.name} by {table.partitioning}" for table in contract.partitioned)
    group = parser.add_argument_group(
        "interval",
        f"Compute an interval only; it consists of whole partitions ({tables}). "
        "Default: everything.",
    )
    start, end = INTERVAL_OPTIONS
    group.add_argument(start, metavar="DATE", help="its first day, e.g. 2013-01-31")
    group.add_argument(end, metavar="DATE", help="the day after its last day")


def run(options: argparse.Namespace, console: Console) -> None:
    """Compute and write all outputs; print what was written and which checks failed."""
    from isthmus_transforms.loading import load_dataflow  # noqa: PLC0415 - a second for --help
    from isthmus_transforms.runtime.staging import stage  # noqa: PLC0415 - likewise

    dataflow = load_dataflow(options.dataflow)
    contract = dataflow.contract
    params = given_params(contract, options)
    interval = _interval(contract, options)
    workers = {} if options.workers is None else {"workers": options.workers}
    engine = EngineProfile(options.engine, workers)
    graph = dataflow.describe(params)
    total = sum(node.kind == "function" for node in graph.nodes)
    events: list[Event] = []
    frames = dataflow.read_inputs(options.inputs, interval=interval, on_event=events.append)
    folder: Path = options.out or Path("out") / contract.name
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("computing") as status:
        done = 0

        def on_event(event: Event) -> None:
            nonlocal done
            events.append(event)
            if isinstance(event, NodeFinished | NodeFailed):
                done += 1
                node = printable(event.node)
                status.update(f"{done} of {total} nodes · {node} {event.seconds:.2f} s")

        names = [output.name for output in contract.outputs]
        values = dataflow.compute(
            names, frames, params, on_event, interval, engine, options.checkpoints
        )
    staged = [
        stage(output, values.pop(output.name), folder, interval, events.append, "parquet")
        for output in contract.outputs
    ]
    _remove_stale_partitions(contract, staged, folder, interval)
    _write_metrics(staged, folder)
    console.print(_outputs_grid(contract, staged, folder))
    for line in _check_lines(events):
        console.print(line, soft_wrap=True)


def _interval(contract: DataflowContract, options: argparse.Namespace) -> Interval | None:
    if not contract.partitioned:
        return None
    return resolve_interval(contract, options.interval_start, options.interval_end)


def _check_lines(events: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each check that only warns, and one with the number of checks."""
    checks = [event for event in events if isinstance(event, CheckFinished)]
    failed = [check for check in checks if not check.result.passed]
    for check in failed:
        yield printable(f"warning: {check.subject}: {check.result.sentence}")
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


def _write_metrics(staged: Sequence[StagedOutput], folder: Path) -> None:
    for output in staged:
        if output.metrics is not None:
            text = json.dumps(dict(output.metrics), indent=2)
            _metrics_file(output, folder).write_text(f"{text}\n", encoding="utf-8")


def _metrics_file(output: StagedOutput, folder: Path) -> Path:
    return folder / f"{output.name}.json"


def _outputs_grid(contract: DataflowContract, staged: Sequence[StagedOutput], folder: Path) -> Grid:
    path = GridColumn("file", overflow="fold")  # a truncated path cannot be opened
    grid = Grid("output", "content", path, title=f"{contract.identity}", title_justify="left")
    for output in staged:
        if output.metrics is not None:
            numbers = (
                f"{name} {'null' if value is None else f'{value:.6g}'}"
                for name, value in output.metrics.items()
            )
            grid.add_row(output.name, "\n".join(numbers), str(_metrics_file(output, folder)))
        for file in output.files:
            size = counted(file.bytes, "byte") if file.rows is None else counted(file.rows, "row")
            grid.add_row(output.name, size, str(folder / file.path))
    return grid
