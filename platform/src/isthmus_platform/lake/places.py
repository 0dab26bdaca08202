"""Where things lie in the lake; no other module joins its paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from isthmus_contracts import Identity
from isthmus_platform.errors import LakeError


@dataclass(frozen=True, slots=True)
class Lake:
    """Lay out a lake below `root`, a directory on a local disk."""

    root: Path

    def source(self, dataset: str, table: str) -> Path:
        """Return the directory of a table that is ingested."""
        return self.root / "sources" / dataset / table

    def table(self, dataflow: Identity, output: str) -> Path:
        """Return the directory of a table that a dataflow publishes."""
        return self._dataflow(dataflow) / "tables" / output

    def files(self, dataflow: Identity, output: str) -> Path:
        """Return the directory of a file that a dataflow publishes, one name per version."""
        return self._dataflow(dataflow) / "files" / output

    def releases(self, dataflow: Identity) -> Path:
        """Return the directory of the release documents."""
        return self._dataflow(dataflow) / "releases"

    def pointer(self, dataflow: Identity) -> Path:
        """Return the directory of the pointer's moves."""
        return self._dataflow(dataflow) / "pointer"

    def cleanings(self) -> Path:
        """Return the directory of the documents that say since when old files may be gone."""
        return self.root / "cleanings"

    def dataflows(self) -> tuple[Identity, ...]:
        """Return every dataflow that something lies here of, known to a catalog or not."""
        return tuple(
            sorted(
                Identity(each.parent.name, int(each.name[1:]))
                for each in self.root.glob("dataflows/*/v*")
                if each.name[1:].isdecimal()
            )
        )

    def source_tables(self) -> tuple[Path, ...]:
        """Return the directory of every table that was ingested."""
        return tuple(sorted(each for each in self.root.glob("sources/*/*") if each.is_dir()))

    def outputs(self, dataflow: Identity) -> tuple[Path, ...]:
        """Return the directory of every table and file that a dataflow has made."""
        directory = self._dataflow(dataflow)
        found = [*directory.glob("tables/*"), *directory.glob("files/*")]
        return tuple(sorted(each for each in found if each.is_dir()))

    def relative(self, path: Path) -> str:
        """Return a path in the lake as documents name it: relative to the root, with slashes."""
        return path.relative_to(self.root).as_posix()

    def path(self, relative: str) -> Path:
        """Return the path that a document names, or raise `LakeError` if it leaves the lake."""
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise LakeError(relative, "is no path within the lake")
        return self.root / parts

    def _dataflow(self, dataflow: Identity) -> Path:
        return self.root / "dataflows" / dataflow.name / f"v{dataflow.major}"
