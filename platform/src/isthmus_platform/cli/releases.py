"""The commands about releases: list, show, compare, locate, and collect garbage."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from isthmus_contracts import DataflowContract, param_text
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.codec import serialize
from isthmus_contracts.formatting import counted, printable
from isthmus_platform.cli.arguments import AddCommand, add_format, known_dataflows, who
from isthmus_platform.cli.lake import named_lake
from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.diff import diff_releases
from isthmus_platform.lake.releases.garbage_collection import (
    Garbage,
    OldRelease,
    collect_garbage,
    find_garbage,
    retention,
)
from isthmus_platform.lake.releases.locate import find_release, locate
from isthmus_platform.terminal.outputs import describe_outputs, display_location
from isthmus_platform.terminal.printing import print_whole

_KEEP_DAYS = 30.0


def add_release_commands(add: AddCommand) -> None:
    """Add these commands; `add` makes the parser of one from its name, function and help."""
    known = known_dataflows()
    listed = "the release's id, as `releases` lists it"
    current = f"{listed} (default: the current one)"

    def add_for_dataflow(
        name: str, command: Callable[..., int], help_text: str
    ) -> argparse.ArgumentParser:
        parser = add(name, command, help_text)
        parser.add_argument("dataflow", help=known)
        return parser

    listing = add_for_dataflow(
        "releases", _list, "list what a dataflow has published, newest first"
    )
    add_format(listing)
    show = add_for_dataflow(
        "show", _show, "show what a release contains and what it was computed from"
    )
    show.add_argument("release", nargs="?", help=current)
    add_format(show)
    diff = add_for_dataflow("diff", _diff, "show what differs between two releases")
    diff.add_argument("before", help=listed)
    diff.add_argument("after", help=listed)
    tables = add_for_dataflow(
        "tables", _tables, "show where DuckDB, polars or Spark read a release"
    )
    tables.add_argument("release", nargs="?", help=current)
    add_format(tables)
    collect = add("gc", _collect, "list, or remove, old releases and files that no release needs")
    collect.add_argument("dataflow", nargs="?", help=f"{known} (default: all, and the sources)")
    collect.add_argument(
        "--keep-days",
        type=float,
        default=_KEEP_DAYS,
        metavar="N",
        help="keep releases that were current within N days, and newer files (default: 30)",
    )
    collect.add_argument(
        "--force",
        action="store_true",
        help="allow less than a day; only while no run is in progress",
    )
    collect.add_argument("--yes", action="store_true", help="remove; without it, only list")


def _list(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    found = releases.releases(_lake(), contract.identity)
    if options.format == "json":
        plain = [serialize(release) | {"current": is_current} for release, is_current in found]
        console.out(json.dumps(plain, indent=2))
        return 0
    if not found:
        console.print(f"{contract.identity} has published nothing yet")
        return 0
    names = ("", "release", "created", "contract", "code", "run", "rows", "warnings")
    grid = Table(*names, box=None)
    for release, is_current in found:
        rows = ", ".join(f"{name} {table.rows:,}" for name, table in release.tables.items())
        grid.add_row(
            "current" if is_current else "",
            release.id,
            _when(release),
            release.contract_version,
            printable(release.code_version),
            printable(release.run),
            rows,
            str(len(release.warnings) or ""),
        )
    print_whole(grid, console)
    return 0


def _show(options: argparse.Namespace, console: Console) -> int:
    lake, contract = _lake(), CATALOG.dataflow(options.dataflow)
    release = find_release(lake, contract.identity, options.release)
    current = releases.current(lake, contract.identity)
    is_current = current is not None and current.id == release.id
    partitions = {
        name: releases.partitions_of(lake, table)
        for name, table in release.tables.items()
        if table.partitioning is not None
    }
    if options.format == "json":
        plain = serialize(release) | {"current": is_current, "partitions": serialize(partitions)}
        console.out(json.dumps(plain, indent=2))
        return 0
    state = ", current" if is_current else ""
    revision = f", revision {release.revision}" if release.revision else ""
    lines = [
        ("release", f"{release.id} of {release.dataflow}{state}"),
        ("created", f"{_when(release)} UTC, by run {release.run}"),
        ("made by", f"contract {release.contract_version}, code {release.code_version}{revision}"),
        *([("interval", str(release.interval))] if release.interval else []),
        *(("param", f"{name} = {param_text(value)}") for name, value in release.params.items()),
    ]
    for name, pin in release.inputs.items():
        origin = f", of release {pin.release}" if pin.release else ""
        lines.append(
            (
                "input",
                f"{name}  {display_location(lake.path(pin.table))} (version {pin.version}{origin})",
            )
        )
    lines += [("output", output) for output in describe_outputs(release, lake)]
    for name, parts in partitions.items():
        mixed = len(release.tables[name].params) > 1
        lines += [
            (
                "part",
                f"{name} {part}  {partition.rows:,} rows, by run {partition.run}"
                + (_with_params(partition) if mixed else ""),
            )
            for part, partition in parts.items()
        ]
    lines += [("warning", warning) for warning in release.warnings]
    for label, text in lines:
        console.print(f"{label:8}  {printable(text)}", soft_wrap=True)
    return 0


def _with_params(partition: releases.ReleasedPartition) -> str:
    shown = ", ".join(f"{name} = {value}" for name, value in partition.params.items())
    return f", with {shown or 'no params'}"


def _diff(options: argparse.Namespace, console: Console) -> int:
    lake, contract = _lake(), CATALOG.dataflow(options.dataflow)
    before, after = (
        releases.release(lake, contract.identity, release_id)
        for release_id in (options.before, options.after)
    )
    differences = diff_releases(lake, before, after)
    if not differences:
        console.print(f"releases {before.id} and {after.id} do not differ")
        return 0
    grid = Table("", "", before.id, after.id, box=None)
    for fact in differences:
        cells = (fact.kind, fact.name, _value(fact.before), _value(fact.after))
        grid.add_row(*map(printable, cells))
    print_whole(grid, console)
    return 0


def _tables(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    found = locate(_lake(), contract.identity, options.release)
    if options.format == "json":
        plain = {
            "dataflow": found.dataflow,
            "release": found.release,
            "tables": {
                name: {"uri": table.uri, "version": table.version, "rows": table.rows}
                for name, table in found.tables.items()
            },
            "files": dict(found.files),
        }
        console.out(json.dumps(plain, indent=2))
        return 0
    console.print(f"release {found.release} of {found.dataflow}", soft_wrap=True)
    for name, table in found.tables.items():
        console.print(f"table  {name}  {table.uri}  version {table.version}", soft_wrap=True)
    for name, address in found.files.items():
        console.print(f"file   {name}  {address}", soft_wrap=True)
    return 0


def _collect(options: argparse.Namespace, console: Console) -> int:
    contract: DataflowContract | None = options.dataflow and CATALOG.dataflow(options.dataflow)
    identity = contract.identity if contract else None
    lake, keep = _lake(), retention(options.keep_days, force=options.force)
    found_releases = found_files = found_bytes = 0

    def report(garbage: Garbage) -> None:
        nonlocal found_releases, found_files, found_bytes
        if isinstance(garbage, OldRelease):
            found_releases += 1
            text = f"release  {garbage.id} of {garbage.dataflow}, of {_shown_time(garbage.at)}"
        else:
            found_files += 1
            found_bytes += garbage.bytes
            text = f"{garbage.bytes:>15,}  {printable(garbage.key)}"
        console.print(text, soft_wrap=True)

    if options.yes:
        collect_garbage(lake, keep, identity, by=who(), on_removed=report)
    else:
        for garbage in find_garbage(lake, keep, identity):
            report(garbage)
    if not found_releases and not found_files:
        console.print("there is nothing to remove")
        return 0
    verb = "removed" if options.yes else "would remove"
    console.print(
        f"{verb} {counted(found_releases, 'release')} and "
        f"{counted(found_files, 'file')}, {counted(found_bytes, 'byte')}"
    )
    if not options.yes:
        console.print("nothing was removed; --yes removes it")
    return 0


def _value(value: object | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if type(value) is int else str(value)


def _when(release: releases.Release) -> str:
    return _shown_time(release.created_at)


def _shown_time(time: str) -> str:
    return time[:19].replace("T", " ")


def _lake() -> Lake:
    return named_lake(load_deployment())
