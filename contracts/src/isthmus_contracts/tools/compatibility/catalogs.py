"""What differs between two catalogs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import DataflowContract, Dataset, Identity
from isthmus_contracts.tools.compatibility.dataflows import compare_dataflows, compare_datasets
from isthmus_contracts.tools.compatibility.differences import Difference, Place

Contract: TypeAlias = DataflowContract | Dataset


@dataclass(frozen=True, slots=True)
class Pair:
    """Hold two revisions of one contract; what is new has no `old`, what is gone has no `new`."""

    latest: Contract
    old: Contract | None
    new: Contract | None

    @property
    def subject(self) -> str:
        """Return its kind and name, as in `dataflow flight_delays.v1`."""
        if isinstance(self.latest, Dataset):
            return f"dataset {self.latest.name}"
        return f"dataflow {self.latest.identity}"


def compare(old: Catalog, new: Catalog, today: date) -> tuple[Difference, ...]:
    """Return what differs; `today`, in UTC, decides which dataflows had run their last day."""
    read = {declared.source for dataflow in old.dataflows for declared in dataflow.inputs}
    return tuple(
        difference for pair in pairs(old, new) for difference in _compare(pair, read, today)
    )


def pairs(old: Catalog, new: Catalog) -> tuple[Pair, ...]:
    """Return each dataset and dataflow of the two catalogs, with its other revision if any."""
    datasets = {dataset.name: dataset for dataset in old.datasets}
    dataflows = {dataflow.identity: dataflow for dataflow in old.dataflows}
    former = _replaced(old, new)
    return (
        *(Pair(dataset, datasets.pop(dataset.name, None), dataset) for dataset in new.datasets),
        *(Pair(dataset, dataset, None) for dataset in datasets.values()),
        *(
            Pair(
                dataflow,
                dataflows.pop(former.get(dataflow.identity, dataflow.identity), None),
                dataflow,
            )
            for dataflow in new.dataflows
        ),
        *(Pair(dataflow, dataflow, None) for dataflow in dataflows.values()),
    )


def _replaced(old: Catalog, new: Catalog) -> dict[Identity, Identity]:
    """Return what each new major version took the place of: the newest one, if that is gone."""
    before = {dataflow.identity for dataflow in old.dataflows}
    after = {dataflow.identity for dataflow in new.dataflows}
    newest = {identity.name: identity for identity in sorted(before)}
    replaced: dict[Identity, Identity] = {}
    for gone in newest.values():
        come = [identity for identity in after - before if identity.name == gone.name]
        if gone not in after and come:
            replaced[min(come, key=lambda identity: (identity < gone, identity))] = gone
    return replaced


def _compare(pair: Pair, read: set[str | Identity], today: date) -> Iterator[Difference]:
    whole = Place(pair.subject, "output")
    match pair.old, pair.new:
        case Dataset() as old, Dataset() as new:
            yield from compare_datasets(old, new, pair.subject)
        case DataflowContract() as old, DataflowContract() as new:
            if old.identity != new.identity:
                yield whole.differs("dataflow-replaced", old.identity, new.identity)
            yield from compare_dataflows(old, new, pair.subject)
        case None, Dataset() as new:
            yield whole.differs("dataset-added", after=new.version)
        case None, DataflowContract() as new:
            yield whole.differs("dataflow-added", after=new.version)
        case Dataset() as old, None:
            rule = "dataset-dropped" if old.name in read else "dataset-retired"
            yield whole.differs(rule, before=old.version)
        case DataflowContract(deprecation=notice) as old, None:
            ended = notice is not None and notice.until < today
            rule = "dataflow-retired" if ended else "dataflow-dropped"
            yield whole.differs(rule, before=old.version)
