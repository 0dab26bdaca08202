"""Building a dataflow's DAG: ingest, transform, publish, whatever happens inside.

Where the deployment cuts the dataflow into stages, there is a transform task for each; where it
wants a person's approval, it is asked for before publish. Fused, all of it is one task.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, chain

from isthmus_contracts import DataflowContract, Identity
from isthmus_contracts import Param as ContractParam
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.dags.doc_md import dataflow_page
from isthmus_platform.dags.placeholders import (
    end_of_life_dag,
    invalid_deployment_dag,
    placeholder_id,
)
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError, EndOfLifeError
from isthmus_platform.operators import IngestOperator, PublishOperator, TransformOperator
from isthmus_platform.operators.approval import ApproveOperator
from isthmus_platform.operators.fused import FusedOperator
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life


def build_dags(
    catalog: Catalog, today: date | None = None, only: str | None = None
) -> dict[str, DAG]:
    """Return a DAG for each dataflow, or the one whose id is `only`; by default `today` is in UTC.

    Where the deployment does not allow a dataflow to run, or its last day has passed, its DAG says
    why instead, in the list of DAGs, on its page, and when it is triggered.
    """
    wanted = [dataflow for dataflow in catalog.dataflows if only in (None, str(dataflow.identity))]
    try:
        deployment = load_deployment()
    except DeploymentError as error:
        return {
            str(each.identity): invalid_deployment_dag(str(each.identity), error) for each in wanted
        }
    built = {str(each.identity): _dag_or_placeholder(each, deployment, today) for each in wanted}
    unknown_dataflows = deployment.unknown_dataflows(catalog)
    placeholders = {
        name: invalid_deployment_dag(name, error)
        for name, error in unknown_dataflows.items()
        if only in (None, placeholder_id(name))
    }
    return placeholders | built


def _dag_or_placeholder(
    dataflow: DataflowContract, deployment: Deployment, today: date | None
) -> DAG:
    name = str(dataflow.identity)
    try:
        return deployed_dag(dataflow, deployment, today)
    except EndOfLifeError as error:
        return end_of_life_dag(name, error)
    except DeploymentError as error:
        return invalid_deployment_dag(name, error)


def deployed_dag(
    dataflow: DataflowContract, deployment: Deployment, today: date | None = None
) -> DAG:
    """Return the DAG of a dataflow as it is deployed.

    Raise `DeploymentError` if the deployment does not allow it to run, whatever Airflow refuses
    included, and `EndOfLifeError` if its last day has passed.
    """
    check_not_end_of_life(dataflow, today)
    settings = deployment.settings(dataflow)
    try:
        dag = build_dag(dataflow, settings)
        dag.timetable.validate()
    except Exception as error:
        place = f'[dataflows."{dataflow.identity}"]'
        timing = "" if settings.schedule is None else f"with schedule {settings.schedule!r}: "
        raise DeploymentError(deployment.file, place, f"{timing}{error}") from error
    return dag


def build_dag(dataflow: DataflowContract, settings: Settings) -> DAG:
    """Return the DAG of a dataflow; nothing in it depends on the dataflow's functions."""
    name = str(dataflow.identity)
    with DAG(
        dag_id=name,
        description=dataflow.description,
        doc_md=dataflow_page(dataflow),
        schedule=_schedule(dataflow, settings),
        catchup=False,
        params={param.name: form_field(param) for param in dataflow.params} | _interval(dataflow),
        tags={dataflow.owner, "isthmus"} | ({"deprecated"} if dataflow.deprecation else set()),
        default_args={"owner": dataflow.owner, **_task(settings)},
    ) as dag:
        if settings.fused:
            FusedOperator(
                task_id="run",
                dataflow=name,
                asset=asset_of(dataflow.identity),
                queue=_transform_queue(settings),
            )
        else:
            chain(*_tasks(dataflow, settings))
    return dag


def _task(settings: Settings) -> dict[str, Any]:  # Airflow's arguments are of all kinds
    return {
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_seconds),
        "execution_timeout": timedelta(minutes=settings.timeout_minutes),
        "pool": settings.pool,
        "queue": settings.queue,
    }


def _tasks(
    dataflow: DataflowContract, settings: Settings
) -> Iterator[Any]:  # `expand` names no type
    """Yield the tasks of the DAG in their order."""
    name = str(dataflow.identity)
    ingest = IngestOperator(task_id="ingest", dataflow=name, fan_out=settings.fan_out)
    yield ingest
    for cut in (*settings.stages, None):
        yield _transform(name, cut, ingest, settings.of_stage(cut))
    if settings.approval:
        yield ApproveOperator(
            task_id="approve",
            dataflow=name,
            pins_from="ingest",
            accepted_from="transform",
            execution_timeout=None,  # a person may take longer than a task
        )
    yield PublishOperator(
        task_id="publish",
        dataflow=name,
        pins_from="ingest",
        accepted_from="transform",
        approved_by="approve" if settings.approval else None,
        asset=asset_of(dataflow.identity),
    )


def _transform(name: str, cut: str | None, ingest: IngestOperator, settings: Settings) -> Any:  # noqa: ANN401 - Airflow gives what `expand` returns no public name
    arguments = _task(settings) | {
        "task_id": f"transform_{cut}" if cut else "transform",
        "dataflow": name,
        "stop_at": cut,
        "queue": _transform_queue(settings),
    }
    if not settings.fan_out:
        return TransformOperator(pins_from="ingest", **arguments)
    return TransformOperator.partial(**arguments).expand(pins=ingest.output)


def _transform_queue(settings: Settings) -> str:
    return settings.transform_queue or settings.queue


def _interval(dataflow: DataflowContract) -> dict[str, Param]:
    """Return the fields in which a person names the interval that a run is for."""
    meanings = (
        "First day that the run is for; without both, it is for everything.",
        "Day after the last one that the run is for.",
    )
    return {
        name: Param(None, type=["null", "string"], format="date", description=meaning)
        for name, meaning in zip(INTERVAL_FIELDS, meanings, strict=True)
        if dataflow.partitioned
    }


def asset_of(identity: Identity) -> Asset:
    """Return the asset that stands for a dataflow's releases."""
    return Asset(name=str(identity), uri=f"isthmus://{identity.name}/v{identity.major}")


def _schedule(
    dataflow: DataflowContract, settings: Settings
) -> str | CronDataIntervalTimetable | list[Asset] | None:
    if settings.schedule is not None and dataflow.partitioned:
        return CronDataIntervalTimetable(settings.schedule, timezone="UTC")
    if settings.schedule is not None:
        return settings.schedule
    return [asset_of(each) for each in dataflow.upstream] or None


def form_field(param: ContractParam) -> Param:
    """Return the field of Airflow's trigger form that allows what the contract allows."""
    rules: dict[str, Any] = {"type": param.type}  # a JSON schema holds what it likes
    if param.minimum is not None:
        rules["minimum"] = param.minimum
    if param.maximum is not None:
        rules["maximum"] = param.maximum
    if param.choices:
        rules["enum"] = list(param.choices)
    return Param(param.default, description=param.description, **rules)
