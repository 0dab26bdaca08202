"""The first task of a run: resolve the params, ingest the sources, pin every input."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import Identity, Input, resolve_params
from isthmus_contracts.formatting import counted
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import SourceError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases import Release
from isthmus_platform.lake.releases.queries import withdrawal_of
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins
from isthmus_platform.runs.removal import remove_old_runs
from isthmus_platform.sources.sql import read_source


def ingest(dataflow: DeployedDataflow, lake: Lake, run: RunContext) -> Pins:
    """Resolve the params, ingest each source table, and pin a version of each input.

    Raise `EndOfLifeError` after the dataflow's last day, `ParamError` for a param that the contract
    refuses, `SourceError` or `TableContractError` for an input that is missing or breaks its
    contract, and `SourceUnavailableError` or `LakeUnavailableError` for what may work later.
    """
    contract = dataflow.contract
    check_not_end_of_life(contract)  # the DAG may have been parsed before the last day ended
    params = resolve_params(contract.params, run.params)
    released = cache(partial(_release_to_read, lake, run))
    inputs = {
        declared.name: _pin_released(declared, declared.source, run, released)
        if isinstance(declared.source, Identity)
        else _ingest_table(declared, declared.source, dataflow, lake, run)
        for declared in contract.inputs
    }
    digest = dataflow.deployment.digest
    pins = Pins(params, inputs, run.interval, deployment=digest, id=uuid4().hex)
    RunRecord(Path(dataflow.deployment.runs.root), contract.identity, run.run).write_pins(pins)
    run.log.info("the run is for %s", run.interval or "everything")
    _remove_old_runs(dataflow, lake, run)
    return pins


def _remove_old_runs(dataflow: DeployedDataflow, lake: Lake, run: RunContext) -> None:
    runs, identity = dataflow.deployment.runs, dataflow.contract.identity
    before = lake.clock() - timedelta(days=runs.keep_days)
    try:
        removed = remove_old_runs(Path(runs.root), identity, before, run.is_active)
    except OSError as error:  # the run itself needs none of them
        run.log.warning("old records of runs stay for now: %s", error)
        return
    if removed:
        run.log.info("removed %s of old runs", counted(removed, "record"))


def _ingest_table(
    declared: Input, dataset: str, dataflow: DeployedDataflow, lake: Lake, run: RunContext
) -> Pin:
    source = dataflow.deployment.sources[dataset]
    directory = lake.source(dataset, declared.name)
    engine = run.connect(source.connection)
    with translated(lake):
        try:
            rows = read_source(declared.table, source, engine)
            files = write_table(directory, declared.table, rows)
        finally:
            engine.dispose()
        commit_id = f"{dataflow.contract.identity}/{run.run}/{run.attempt}/{files[0].name}"
        version = commit(directory, declared.table, files, commit_id, clock=lake.clock)
    row_count = sum(file.rows for file in files)
    run.log.info("ingested %s: %s rows as version %s", declared.name, f"{row_count:,}", version)
    return Pin(directory.key, version)


def _pin_released(
    declared: Input,
    dataflow: Identity,
    run: RunContext,
    released: Callable[[Identity], Release | None],
) -> Pin:
    release = released(dataflow)
    if release is None:
        problem = f"it has published no release yet, so there is no {declared.name!r}"
        raise SourceError(str(dataflow), problem)
    run.log.info("reads %s of release %s of %s", declared.name, release.id, dataflow)
    return releases.pin(release, declared.name)


def _release_to_read(lake: Lake, run: RunContext, dataflow: Identity) -> Release | None:
    """Return the release that triggered the run, or the current one; never a withdrawn one."""
    triggering = run.triggering_release(dataflow)
    with translated(lake):
        rollback = withdrawal_of(lake, dataflow, triggering) if triggering else None
        if triggering and rollback is None:
            release: Release | None = releases.release(lake, dataflow, triggering)
        else:
            release = releases.current(lake, dataflow)
    if rollback is not None:
        run.log.warning(
            "release %s of %s, which triggered this run, was withdrawn by %s at %s; the run reads "
            "the current release instead",
            *(triggering, dataflow, rollback.by, rollback.at),
        )
    return release
