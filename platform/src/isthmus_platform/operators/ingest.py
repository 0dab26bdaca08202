"""The first task of every DAG: resolve the params, bring sources in, pin every input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow.sdk import BaseHook, Context

from isthmus_contracts import Identity, Input, resolve_params
from isthmus_contracts.codec import serialize
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.errors import SourceError
from isthmus_platform.lake.pins import Pin
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life
from isthmus_platform.pipeline.intervals import interval_of, params_of, parts_of
from isthmus_platform.runs.pins import Pins, pins_document
from isthmus_platform.runs.record import write_whole


class IngestOperator(DataflowOperator):
    """Pin what the run reads, once for all its tasks; return the pins.

    With `fan_out`, return them once for each part of the run's interval, so that Airflow can map
    the next task over them.
    """

    def __init__(
        self,
        *,
        fan_out: bool = False,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.fan_out = fan_out

    def execute(self, context: Context) -> dict[str, object] | list[dict[str, object]]:
        """Resolve params and interval, ingest each source table, pin a version of each input."""
        with self.errors_reported():
            pins = pin_inputs(self, context)
        if self.fan_out:
            parts = parts_of(self.contract, pins.interval)
            return [serialize(replace(pins, interval=part)) for part in parts]
        return serialize(pins)


def pin_inputs(task: DataflowOperator, context: Context) -> Pins:
    """Resolve params and interval, ingest each source table, pin a version of each input."""
    dataflow = task.contract
    check_not_end_of_life(dataflow)  # the DAG may have been read before the last day ended
    deployment = load_deployment()
    interval = interval_of(dataflow, context)
    params = resolve_params(dataflow.params, params_of(dataflow, context))
    run_id = str(context["run_id"])
    inputs = {}
    for declared in dataflow.inputs:
        if isinstance(declared.source, Identity):
            inputs[declared.name] = _pin_published(
                task, declared, declared.source, deployment, context
            )
        else:
            attempt_name = f"{task.dataflow}/{run_id}/{context['ti'].try_number}"
            inputs[declared.name] = _ingest(
                task, declared, declared.source, deployment, attempt_name
            )
    pins = Pins(params, inputs, interval)
    write_whole(task.record(deployment, run_id).pins, pins_document(pins))
    task.log.info("the run is for %s", interval or "everything")
    return pins


def _ingest(
    task: DataflowOperator, contract: Input, dataset: str, deployment: Deployment, by: str
) -> Pin:
    from isthmus_platform.lake.delta import tables
    from isthmus_platform.lake.delta.writer import write_table
    from isthmus_platform.lake.errors import translated
    from isthmus_platform.sources.sql import read_source

    source = deployment.sources[dataset]
    lake = task.lake(deployment)
    directory = lake.source(dataset, contract.name)
    connection = BaseHook.get_connection(source.connection)
    hook = connection.get_hook()  # type: ignore[no-untyped-call]
    engine = hook.get_sqlalchemy_engine()
    with translated(lake):
        try:
            rows = read_source(contract.table, source, engine)
            files = write_table(directory, contract.table, rows)
        finally:
            engine.dispose()
        version = tables.commit(directory, contract.table, files, f"{by}/{files[0].name}")
    task.log.info(
        "ingested %s: %s rows as version %s",
        contract.name,
        f"{sum(file.rows for file in files):,}",
        version,
    )
    return Pin(directory.key, version)


def _pin_published(
    task: DataflowOperator,
    contract: Input,
    origin: Identity,
    deployment: Deployment,
    context: Context,
) -> Pin:
    from isthmus_platform.lake import releases
    from isthmus_platform.lake.errors import translated

    lake = task.lake(deployment)
    name = _announced(context, origin)
    with translated(lake):
        release = releases.release(lake, origin, name) if name else releases.current(lake, origin)
    if release is None:
        raise SourceError(
            str(origin), f"it has published no release yet, so there is no {contract.name!r}"
        )
    task.log.info("takes %s of release %s of %s", contract.name, release.id, origin)
    return releases.pin(release, contract.name)


def _announced(context: Context, origin: Identity) -> str | None:
    """Return the newest release of `origin` among the asset events that triggered this run."""
    for asset, events in context["triggering_asset_events"].items():
        if asset.name == str(origin):
            named = [each for each in events if "release" in each.extra]
            if named:  # a person can make an event by hand, which names none
                return str(max(named, key=lambda event: event.timestamp).extra["release"])
    return None
