"""Publishing: the outputs of one run become a release in one step, or not at all.

Moving the pointer is the publication; no reader sees the tables and documents that are written
before it. All of that can be repeated, so a retry recovers from a crash at any point.
`docs/publishing.md` has the protocol: its states, and what is written when.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from isthmus_contracts import DataflowContract, Identity, ParamValue, Partitioning, Table
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.delta.columns import columns_in
from isthmus_platform.lake.delta.tables import Base, commit
from isthmus_platform.lake.documents import documents_in, read_document, write_once
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin, TableFile
from isthmus_platform.lake.releases.gates import Approval, check_approval, check_row_change
from isthmus_platform.lake.releases.manifests import (
    own_files,
    replace_partitions,
    write_manifests,
)
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
    document_of,
)
from isthmus_platform.lake.releases.partition_params import count_params, mixed_params
from isthmus_platform.lake.releases.pointer import Move, append_move, is_published, last_move
from isthmus_platform.lake.releases.queries import current, read_release
from isthmus_platform.lake.releases.tombstones import check_not_collected, check_not_removed

_ID_CHARACTERS = 12


def publish(  # noqa: PLR0913 - each names what it is
    lake: Lake,
    dataflow: DataflowContract,
    accepted: Accepted,
    *,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
    approval: Approval | None = None,
) -> Release:
    """Publish the outputs of one run, and return its release.

    The identity of a publication is the run, the attempts that made the accepted outputs, and the
    digest of these: a repetition returns the existing release and does not move the pointer, even
    if another release is current. What another attempt made is published anew, also the same.
    A run for an interval replaces its partitions in the release that is current when the pointer
    moves; after a conflict the release is prepared again.

    Raise `PublicationError` if `accepted` is not every output of this dataflow and version, does
    not pass a gate, or names a file that garbage collection may have removed; `RemovedReleaseError`
    if the release was removed; `LakeUnavailableError` for example for a full disk.
    """
    _check_complete(dataflow, accepted)
    identity, pointer = dataflow.identity, lake.pointer(dataflow.identity)
    publication = _publication_id(accepted)
    with translated(lake):
        while True:
            last = last_move(pointer)
            if last and (done := _published_as(lake, identity, publication, last)):
                check_not_removed(lake, identity, done, last)
                return read_release(lake, identity, done)
            base = read_release(lake, identity, last.release) if last else None
            _check_gates(lake, dataflow, accepted, approval, base)
            # What a release contains may depend on its base, and so on the number of its move.
            release_id = f"{publication}-{last.number + 1 if last else 1}"
            document = document_of(lake, identity, release_id)
            if document.find() is None:
                prepared = _Attempt(lake, dataflow, accepted, params, release_id, base).prepare(
                    inputs
                )
                with suppress(FileExistsError):  # a concurrent repetition has written it
                    write_once(document, prepared)
            release = read_document(Release, document)
            check_not_collected(lake, dataflow, own_files(lake, release), release.inputs)
            if append_move(pointer, last, release_id, "publish", accepted.run, clock=lake.clock):
                return release


def check_gates(
    lake: Lake, dataflow: DataflowContract, accepted: Accepted, approval: Approval | None = None
) -> None:
    """Raise `PublicationError` if this could not be published after the current release."""
    _check_gates(lake, dataflow, accepted, approval, current(lake, dataflow.identity))


def _check_gates(
    lake: Lake,
    dataflow: DataflowContract,
    accepted: Accepted,
    approval: Approval | None,
    base: Release | None,
) -> None:
    if approval is not None:
        check_approval(dataflow, accepted, approval, base.id if base else None)
    if base is not None:
        check_row_change(lake, dataflow, accepted, base)


def _published_as(lake: Lake, dataflow: Identity, publication: str, last: Move) -> str | None:
    """Return the id of the release that this publication became, or None if there is none.

    Its documents were written before its moves, and are never removed.
    """
    for document in documents_in(lake.releases(dataflow) / publication):
        release = f"{publication}-{document.name.removesuffix('.json')}"
        if is_published(lake.pointer(dataflow), last, release):
            return release
    return None


def _publication_id(accepted: Accepted) -> str:
    text = json.dumps([accepted.dataflow, accepted.run, accepted.attempts, accepted.digest])
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_CHARACTERS]


def _check_complete(dataflow: DataflowContract, accepted: Accepted) -> None:
    name = str(dataflow.identity)
    if (accepted.dataflow, accepted.contract_version) != (name, dataflow.version):
        raise PublicationError(
            name,
            f"accepted is {accepted.dataflow!r} in contract version {accepted.contract_version!r}; "
            f"the platform has {dataflow.version!r}",
        )
    names = sorted(output.name for output in accepted.outputs)
    if names != sorted(output.name for output in dataflow.outputs):
        raise PublicationError(
            name,
            f"accepted are {', '.join(names) or 'no outputs'}; a release has "
            + ", ".join(output.name for output in dataflow.outputs),
        )


def _check_files(lake: Lake, accepted: Accepted) -> None:
    for file in (file for output in accepted.outputs for file in output.files):
        found = lake.path(file.path).find()
        if found is None:
            raise PublicationError(accepted.dataflow, f"the accepted file {file.path} is gone")
        if found.bytes != file.bytes:
            raise PublicationError(
                accepted.dataflow,
                f"the accepted file {file.path} has {found.bytes} bytes; "
                f"accepted were {file.bytes}",
            )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Prepare one release; `base` is the current release, which it would follow."""

    lake: Lake
    dataflow: DataflowContract
    accepted: Accepted
    params: Mapping[str, ParamValue]
    release_id: str
    base: Release | None

    def prepare(self, inputs: Mapping[str, Pin]) -> Release:
        """Commit every table, and return the release that pins them."""
        accepted = self.accepted
        _check_files(self.lake, accepted)
        tables, files, metrics = {}, {}, {}
        warnings = list(accepted.warnings)
        for output in accepted.outputs:
            contract = self.dataflow.output(output.name)
            if isinstance(contract, Table):
                tables[output.name] = table = self._commit(contract, output)
                warnings += mixed_params(self.dataflow, output.name, table.params)
            elif output.metrics is not None:
                metrics[output.name] = output.metrics
            else:
                (file,) = output.files
                files[output.name] = ReleasedFile(file.path, file.bytes, file.sha256)
        return Release(
            id=self.release_id,
            dataflow=accepted.dataflow,
            contract_version=accepted.contract_version,
            code_version=accepted.code_version,
            run=accepted.run,
            digest=accepted.digest,
            created_at=self.lake.clock().isoformat(),
            params=self.params,
            inputs=inputs,
            tables=tables,
            files=files,
            metrics=metrics,
            warnings=tuple(warnings),
            interval=accepted.interval,
            revision=accepted.revision,
        )

    def _commit(self, table: Table, output: AcceptedOutput) -> ReleasedTable:
        folder = self.lake.table(self.dataflow.identity, table.name)
        files = tuple(_table_file(self.lake, file) for file in output.files)
        rows = sum(file.rows for file in files)
        new, base, onto = self._new_partitions(output), self._base(table), None
        gone: tuple[ReleasedPartition, ...] = ()
        if base is None:
            manifests = write_manifests(self.lake, folder.key, new)
        else:
            names = self._replaced_names(table)
            manifests, gone = replace_partitions(self.lake, base, names, new)
            rows += base.rows - sum(partition.rows for partition in gone)
            onto = Base(base.version, tuple(file for part in gone for file in part.files))
        commit_id = self._commit_id(files, onto)
        version = commit(folder, table, files, commit_id, base=onto, clock=self.lake.clock)
        by, before = table.partitioning, base.params if base else {}
        counts = count_params(before, gone, new.values()) if by else {}
        return ReleasedTable(folder.key, version, rows, columns_in(table), manifests, by, counts)

    def _commit_id(self, files: Iterable[TableFile], base: Base | None) -> str:
        """Return the id under which exactly these files are committed once, onto this base."""
        names = "/".join(sorted(file.name for file in files))
        text = f"{base.version if base else ''}/{names}"
        publication = self.release_id.partition("-")[0]
        return f"{publication}/{hashlib.sha256(text.encode()).hexdigest()[:_ID_CHARACTERS]}"

    def _new_partitions(self, output: AcceptedOutput) -> dict[str, ReleasedPartition]:
        """Return the partitions that the run computed; without partitions, the table is one."""
        files: dict[str, list[TableFile]] = {}
        for file in output.files:
            files.setdefault(file.partition or "", []).append(_table_file(self.lake, file))
        return {
            name: ReleasedPartition(self.accepted.run, tuple(some), self.params)
            for name, some in files.items()
        }

    def _replaced_names(self, table: Table) -> tuple[str, ...]:
        """Return the partitions of the run's interval, of which the base's are replaced."""
        interval, partitioning = self.accepted.interval, table.partitioning
        return partitioning.names(interval) if partitioning and interval else ()

    def _base(self, table: Table) -> ReleasedTable | None:
        """Return the table of the base, of which partitions outside the run's interval stay."""
        before = self.base.tables.get(table.name) if self.base else None
        if before is None or not self._replaced_names(table):
            return None
        problem = None
        if before.partitioning != table.partitioning:
            problem = f"has {_described(before.partitioning)} in the current release"
        elif before.columns != columns_in(table):
            problem = "has other columns in the current release"
        if problem:
            raise PublicationError(
                self.accepted.dataflow,
                f"table {table.name!r} {problem}, so a run for an interval cannot replace a part "
                "of it; run the dataflow once without an interval",
            )
        return before


def _described(partitioning: Partitioning | None) -> str:
    return f"partitions by {partitioning}" if partitioning else "no partitions"


def _table_file(lake: Lake, file: AcceptedFile) -> TableFile:
    return TableFile(lake.path(file.path).name, file.bytes, file.rows or 0)
