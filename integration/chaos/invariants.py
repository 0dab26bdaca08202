"""What must hold after every case, found out from outside: the lake's documents and every byte."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from . import lakes, partitions
from .lakes import Whole
from .spans import PARTITIONED
from .templates import DATAFLOWS, Templates
from .zygote import Zygote

_PATIENCE_SECONDS = 20.0


@dataclass
class Ledger:
    """What the invariants are held against.

    `claims` are runs and the releases that Airflow was told of; `removable` are releases that a
    cleaning may have removed.
    """

    claims: list[tuple[str, str]]
    removable: set[str] = field(default_factory=set)


def broken(folder: Path, dataflow: str, templates: Templates, ledger: Ledger) -> Iterator[str]:
    """Yield what does not hold of the lake."""
    for each in DATAFLOWS:
        claims = ledger.claims if each == dataflow else []
        yield from _broken_releases(folder, each, templates, claims, ledger.removable)
    for name in lakes.unknown_dataflows(folder)[0]:
        yield f"a file that has no place in the lake was left behind: {name}"


def _broken_releases(
    folder: Path,
    dataflow: str,
    templates: Templates,
    claims: list[tuple[str, str]],
    removable: Collection[str],
) -> Iterator[str]:
    try:
        found = lakes.published(folder, dataflow)
        current = lakes.current(folder, dataflow)
        moved = lakes.publications(folder, dataflow)
    except Exception as error:  # noqa: BLE001 - whatever it is, readers get it too
        yield f"the releases of {dataflow} cannot be read: {_words(error)}"
        return
    if current not in found:
        yield f"the current release of {dataflow}, {current}, is none of those published"
    for name, times in Counter(moved).items():
        if times > 1:
            yield f"release {name} of {dataflow} was published {times} times"
    wholes: dict[str, Whole] = {}
    for name in found:
        try:
            wholes[name] = lakes.read_whole(folder, dataflow, name)
        except Exception as error:  # noqa: BLE001 - as above
            role = "current" if name == current else "published"
            yield f"the {role} release {name} of {dataflow} is not whole: {_words(error)}"
    lost = templates.before[dataflow].keys() - {*found} - {*removable}
    yield from (f"release {name} of {dataflow}, published before, is lost" for name in lost)
    yield from _wrong_content(dataflow, templates, wholes)
    if dataflow == PARTITIONED:
        yield from partitions.broken(folder, templates, wholes)
    yield from _empty_claims(claims, {*found, *removable}, wholes)


def _wrong_content(
    dataflow: str, templates: Templates, wholes: Mapping[str, Whole]
) -> Iterator[str]:
    before = templates.before[dataflow]
    for name, whole in wholes.items():
        if whole != before.get(name, whole):
            yield f"release {name} of {dataflow}, published before, has changed"
        if dataflow != PARTITIONED and not templates.expected(dataflow, whole):
            yield f"release {name} of {dataflow} is not what an undisturbed run makes"


def _empty_claims(
    claims: list[tuple[str, str]], known: Collection[str], wholes: Mapping[str, Whole]
) -> Iterator[str]:
    for run, name in claims:
        if name not in known:
            yield f"run {run} is called successful, and its release {name} is not published"
        elif name in wholes and wholes[name].run != run:
            yield f"run {run} is called successful, and its release {name} is of {wholes[name].run}"


def left_behind(zygote: Zygote) -> Iterator[str]:
    """Yield each process that does not end by itself, and end it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (left := zygote.offspring()) and time.monotonic() < deadline:
        time.sleep(0.01)
    for each in left:
        try:
            words = " ".join(each.cmdline())
            each.kill()
        except psutil.NoSuchProcess:
            continue
        yield f"a process was left behind: {words}"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
