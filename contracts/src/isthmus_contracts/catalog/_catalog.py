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
        check_unique("dataset", (each.name for each in self.datasets))
        check_unique("dataflow", (str(each.identity) for each in self.dataflows))
        offered: dict[tuple[str | Identity, str], Output] = {
            (each.name, table.name): table for each in self.datasets for table in each.tables
        }
        for dataflow in self.dataflows:
            for each in dataflow.inputs:
                if offered.get((each.source, each.name)) != each.table:
                    raise DeclarationError(
                        f"dataflow {dataflow.name!r} reads {each.name!r} of {str(each.source)!r}, "
                        "which nothing listed before it offers in this form"
                    )
            offered |= {(dataflow.identity, each.name): each for each in dataflow.outputs}

    def dataflow(self, name: str) -> DataflowContract:
        """Return the dataflow called `name` (its newest major version) or `name.vN`.

        Raise `UnknownNameError` if there is none.
        """
        found = [each for each in self.dataflows if name in (each.name, str(each.identity))]
        if not found:
            raise UnknownNameError(
                "dataflow",
                name,
                dict.fromkeys(
                    each.name if "." not in name else str(each.identity) for each in self.dataflows
                ),
            )
        return max(found, key=lambda each: each.identity.major)

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that name, or raise `UnknownNameError`."""
        for each in self.datasets:
            if each.name == name:
                return each
        raise UnknownNameError("dataset", name, (each.name for each in self.datasets))
