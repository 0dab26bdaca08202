"""Where everything lies in the lake; no other module joins keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from isthmus_contracts import Identity
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.clock import Clock, utc_now
from isthmus_platform.storage import Location, Store

MAIN = "main"
"""The name of the pointer that readers follow."""


@dataclass(frozen=True, slots=True)
class Lake:
    """Know the places of a lake in a store; `clock` says when a document is written."""

    store: Store
    clock: Clock = utc_now

    @property
    def address(self) -> str:
        """Return the URI of the whole lake."""
        return self.store.address("")

    def marker(self) -> Location:
        """Return the document that says that a lake was made here."""
        return Location(self.store, "isthmus-lake.json")

    def folders(self) -> tuple[str, ...]:
        """Return which of a lake's folders are here."""
        return tuple(sorted({"sources", "dataflows", "tombstones"} & set(self.store.names(""))))

    def source(self, dataset: str, table: str) -> Location:
        """Return the folder of a table that is ingested."""
        return Location(self.store, f"sources/{dataset}/{table}")

    def table(self, dataflow: Identity, output: str) -> Location:
        """Return the folder of a table that a dataflow publishes."""
        return self._dataflow(dataflow) / "tables" / output

    def manifests(self, table: str) -> Location:
        """Return the folder of a table's manifests; Delta ignores what starts with `_`."""
        return self.path(table) / "_manifests"

    def files(self, dataflow: Identity, output: str) -> Location:
        """Return the folder of a file that a dataflow publishes; each version has its own name."""
        return self._dataflow(dataflow) / "files" / output

    def releases(self, dataflow: Identity) -> Location:
        """Return the folder of the release documents, with a folder for each publication."""
        return self._dataflow(dataflow) / "releases"

    def pointer(self, dataflow: Identity, name: str = MAIN) -> Location:
        """Return the folder of a pointer's moves."""
        return self._dataflow(dataflow) / "pointers" / name

    def checkpoints(self, dataflow: Identity) -> Location:
        """Return the folder of what the tasks of a run pass on, with a folder for each run."""
        return self._dataflow(dataflow) / "checkpoints"

    def accepted(self, dataflow: Identity) -> Location:
        """Return the folder of the records of acceptance, with a folder for each run."""
        return self._dataflow(dataflow) / "accepted"

    def tombstones(self) -> Location:
        """Return the folder of the documents that say which old files may have been removed."""
        return Location(self.store, "tombstones")

    def dataflows(self) -> tuple[Identity, ...]:
        """Return every dataflow that has files here, whether a catalog knows it or not."""
        return tuple(
            sorted(
                Identity(name, int(major[1:]))
                for name in self.store.names("dataflows")
                for major in self.store.names(f"dataflows/{name}")
                if major.startswith("v") and major[1:].isdecimal()
            )
        )

    def source_tables(self) -> tuple[Location, ...]:
        """Return the folder of every table that was ingested."""
        return tuple(
            self.source(dataset, table)
            for dataset in self.store.names("sources")
            for table in self.store.names(f"sources/{dataset}")
        )

    def outputs(self, dataflow: Identity) -> tuple[Location, ...]:
        """Return the folder of every table and file that a dataflow has made."""
        kinds = [self._dataflow(dataflow) / name for name in ("files", "tables")]
        return tuple(kind / name for kind in kinds for name in kind.names())

    def path(self, relative: str) -> Location:
        """Return what a document names, or raise `LakeError` for a path that leaves the lake."""
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise LakeError(relative, "is not a path within the lake")
        return Location(self.store, str(parts))

    def _dataflow(self, dataflow: Identity) -> Location:
        return Location(self.store, f"dataflows/{dataflow.name}/v{dataflow.major}")
