"""What must hold of a partitioned table: each partition is whole and one run's, others are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from isthmus_contracts import Partitioning
from isthmus_contracts.catalog import CATALOG
from isthmus_platform.lake.releases.models import Release, ReleasedPartition

from . import lakes
from .lakes import Step, Whole
from .spans import PARTITIONED
from .templates import Templates

(_TABLE,) = CATALOG.dataflow(PARTITIONED).partitioned


def broken(folder: Path, templates: Templates, wholes: Mapping[str, Whole]) -> Iterator[str]:
    """Yield what does not hold of the partitions of all that was published."""
    given: dict[str, set[str]] = defaultdict(set)
    for each in wholes.values():
        given[each.run].add(each.given)
    for whole in wholes.values():
        for name, part in whole.parts.items():
            # Of a run whose release was removed, it is not known any more what it read.
            right = {templates.parts_of(each).get(name) for each in given[part.run]}
            if part.made not in (right or templates.parts_named(name)):
                yield f"partition {name} of release {whole.id} is not what an undisturbed run makes"
    for step in lakes.steps(folder, PARTITIONED):
        whole_step = wholes.get(step.made.id)
        wanted = templates.parts_of(whole_step.given) if whole_step else None
        yield from _wrong_step(step, wanted)


def _wrong_step(step: Step, wanted: Mapping[str, str] | None) -> Iterator[str]:
    """Yield what a publication changed that it should not have, or should have and did not.

    `wanted` are the partitions that there are in what its run read, if that is known.
    """
    made, before = _partitions(step.made), _partitions(step.base)
    names, head = {*made, *before, *(wanted or ())}, f"release {step.made.id}"
    if step.made.interval is not None:
        by = _TABLE.partitioning
        assert isinstance(by, Partitioning)
        names = {*by.names(step.made.interval)}
    for name in sorted({*made, *before} - names):
        if made.get(name) != before.get(name):
            base = step.base.id if step.base else "nothing"
            yield f"{head} has another partition {name} than {base}, which it followed"
    for name in sorted(names & made.keys()):
        if made[name].run != step.made.run:
            yield f"{head} has the partition {name} of run {made[name].run}"
    if wanted is not None and (names & made.keys()) != (names & wanted.keys()):
        has, right = (", ".join(sorted(names & each)) for each in (made.keys(), wanted.keys()))
        yield f"{head} has of its interval {has or 'nothing'}; right would be {right or 'nothing'}"


def _partitions(release: Release | None) -> Mapping[str, ReleasedPartition]:
    return release.tables[_TABLE.name].partitions if release else {}
