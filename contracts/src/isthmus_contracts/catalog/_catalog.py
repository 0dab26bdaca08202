"""A set of declarations that fit together."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus_contracts._names import check_unique
from isthmus_contracts.dataflows import DataflowContract, Dataset, Identity, Output
from isthmus_contracts.errors import DeclarationError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Catalog:
    """Collect datasets and dataflows; each dataflow reads only what is listed before it."""

    datasets: tuple[Dataset, ...]
    dataflows: tuple[DataflowContract, ...]

    def __post_init__(self) -> None:
        check_unique("dataset", (dataset.name for dataset in self.datasets))
        check_unique("dataflow", (str(dataflow.identity) for dataflow in self.dataflows))
        offered: dict[tuple[str | Identity, str], Output] = {
            (dataset.name, table.name): table
            for dataset in self.datasets
            for table in dataset.tables
        }
        for dataflow in self.dataflows:
            for declared in dataflow.inputs:
                if offered.get((declared.source, declared.name)) != declared.table:
                    raise DeclarationError(
                        f"dataflow {dataflow.name!r} reads {declared.name!r} of "
                        f"{str(declared.source)!r}, "
                        "which nothing listed before it offers in this form"
                    )
            offered |= {(dataflow.identity, output.name): output for output in dataflow.outputs}

    def dataflow(self, name: str) -> DataflowContract:
        """Return the dataflow called `name` (its newest major version) or `name.vN`.

        Raise `UnknownNameError` if there is none.
        """
        found = [
            dataflow
            for dataflow in self.dataflows
            if name in (dataflow.name, str(dataflow.identity))
        ]
        if not found:
            raise UnknownNameError(
                "dataflow",
                name,
                dict.fromkeys(
                    dataflow.name if "." not in name else str(dataflow.identity)
                    for dataflow in self.dataflows
                ),
            )
        return max(found, key=lambda result: result.identity.major)

    def readers(self, dataflow: Identity) -> tuple[DataflowContract, ...]:
        """Return the dataflows that read outputs of this one, in the catalog's order."""
        return tuple(reader for reader in self.dataflows if dataflow in reader.upstream)

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that name, or raise `UnknownNameError`."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        raise UnknownNameError("dataset", name, (dataset.name for dataset in self.datasets))
