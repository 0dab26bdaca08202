"""The invariants of every case, checked from outside: the lake's documents and every byte."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from integration import lake_inspection
from integration.lake_inspection import Whole

from . import product
from .plan import PARTITIONED
from .templates import DATAFLOWS, Templates


def broken(
    folder: Path,
    dataflow: str,
    templates: Templates,
    claims: list[tuple[str, str]],
    removable: Collection[str],
) -> Iterator[str]:
    """Yield the lake's invariants that are broken.

    `claims` are the runs of the dataflow and the releases that their tasks returned; a garbage
    collection may have removed the releases in `removable`.
    """
    for name in DATAFLOWS:
        wholes: dict[str, Whole] = {}
        try:
            contract = product.contract_of(name)
            yield from lake_inspection.broken_releases(folder, contract, wholes)
            found = {*lake_inspection.published(folder, contract)}
            for lost in templates.before[name].keys() - found - {*removable}:
                yield f"release {lost} of {name}, published before, is lost"
            yield from _wrong_content(name, templates, wholes)
            if name == PARTITIONED:
                yield from _wrong_partitions(folder, templates, wholes)
        except Exception as error:  # noqa: BLE001 - whatever it is, readers get it too
            yield f"the releases of {name} cannot be read: {lake_inspection.words(error)}"
            continue
        for run, made in claims if name == dataflow else ():
            if made not in found | {*removable}:
                yield f"run {run} is called successful, and its release {made} is not published"
            elif made in wholes and wholes[made].run != run:
                publisher = wholes[made].run
                yield f"run {run} is called successful, and its release {made} is of {publisher}"
    for name in lake_inspection.unknown_files(folder):
        yield f"a file that has no place in the lake was left behind: {name}"


def _wrong_content(
    dataflow: str, templates: Templates, wholes: Mapping[str, Whole]
) -> Iterator[str]:
    before = templates.before[dataflow]
    for name, whole in wholes.items():
        if whole != before.get(name, whole):
            yield f"release {name} of {dataflow}, published before, has changed"
        if dataflow != PARTITIONED and templates.made.get((dataflow, whole.given)) != whole.made:
            yield f"release {name} of {dataflow} is not what an undisturbed run makes"


def _wrong_partitions(
    folder: Path, templates: Templates, wholes: Mapping[str, Whole]
) -> Iterator[str]:
    """Yield what is wrong with partitions: each must be whole, of one run, or unchanged."""
    given: dict[str, set[str]] = defaultdict(set)
    for whole in wholes.values():
        given[whole.run].add(whole.given)
    for whole in wholes.values():
        for name, (run, made) in whole.parts.items():
            # What a run has read is not known when its release was removed.
            known = [templates.parts.get(digest, {}) for digest in given[run]]
            if made not in {parts.get(name) for parts in known or templates.parts.values()}:
                yield f"partition {name} of release {whole.id} is not what an undisturbed run makes"
    read = {name: templates.parts.get(whole.given, {}) for name, whole in wholes.items()}
    yield from lake_inspection.wrong_publications(
        folder, product.contract_of(PARTITIONED), read.get
    )
