"""Builds the DAG of a dataflow: ingest, transform, publish.

The deployment may split transform into a task for each stage, and may require a person's approval
before publish. A fused dataflow is one task.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, CronTriggerTimetable, chain

from isthmus_contracts import DataflowContract, Identity
from isthmus_contracts.catalog import Catalog
from isthmus_platform.dags.behind import behind_notice
from isthmus_platform.dags.doc_md import dataflow_page, last_valid_notice
from isthmus_platform.dags.form_fields import form_fields
from isthmus_platform.dags.placeholders import (
    INVALID_DEPLOYMENT,
    end_of_life_dag,
    invalid_deployment_dag,
    placeholder_id,
)
from isthmus_platform.deployment import (
    DeployedDataflow,
    Deployment,
    Settings,
    deployment_file,
    keep_valid,
    last_valid,
    load_deployment,
)
from isthmus_platform.errors import DeploymentError, EndOfLifeError
from isthmus_platform.operators import IngestOperator, PublishOperator, TransformOperator
from isthmus_platform.operators.approval import ApproveOperator
from isthmus_platform.operators.fused import FusedOperator
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life


def build_dags(
    catalog: Catalog, today: date | None = None, only: str | None = None
) -> dict[str, DAG]:
    """Return a DAG for each dataflow, or the one whose id is `only`; by default `today` is in UTC.

    While the deployment file has a mistake that concerns a dataflow, its DAG is that of the last
    valid file of this host, and shows the mistake. If this host has no valid file, or the
    dataflow's last day has passed, its DAG says why it cannot run: in the list of DAGs, on its
    page, and when it is triggered.
    """
    wanted = [contract for contract in catalog.dataflows if only in (None, str(contract.identity))]
    deployment = _deployment_or_mistake()
    built = {
        str(contract.identity): _dag_or_placeholder(contract, deployment, today)
        for contract in wanted
    }
    if isinstance(deployment, DeploymentError):
        return built
    placeholders = {
        name: invalid_deployment_dag(name, error)
        for name, error in deployment.unknown_dataflows(catalog).items()
        if only in (None, placeholder_id(name))
    }
    return placeholders | built


def _deployment_or_mistake() -> Deployment | DeploymentError:
    try:
        return load_deployment()
    except DeploymentError as error:
        return error


def _dag_or_placeholder(
    dataflow: DataflowContract, deployment: Deployment | DeploymentError, today: date | None
) -> DAG:
    name = str(dataflow.identity)
    try:
        check_not_end_of_life(dataflow, today)
        if isinstance(deployment, DeploymentError):
            raise deployment
        deployed = deployment.deploy(dataflow)
        dag = deployed_dag(deployed)
    except EndOfLifeError as error:
        return end_of_life_dag(name, error)
    except DeploymentError as error:
        return _last_valid_dag(dataflow, error) or invalid_deployment_dag(name, error)
    keep_valid(deployed)
    return dag


def _last_valid_dag(dataflow: DataflowContract, mistake: DeploymentError) -> DAG | None:
    """Return the DAG of the last valid file of this host, if it has read one."""
    for deployed in last_valid(deployment_file(), dataflow):
        with suppress(DeploymentError):  # what was valid may not suit another version of Airflow
            return deployed_dag(deployed, mistake)
    return None


def deployed_dag(dataflow: DeployedDataflow, mistake: DeploymentError | None = None) -> DAG:
    """Return the DAG of a dataflow, or raise `DeploymentError` if Airflow refuses its settings.

    `mistake` is why the deployment is not that of the present file.
    """
    schedule = dataflow.settings.schedule
    try:
        dag = build_dag(dataflow, mistake)
        dag.timetable.validate()
    except Exception as error:
        timing = "" if schedule is None else f"with schedule {schedule!r}: "
        section = f'[dataflows."{dataflow.contract.identity}"]'
        file = dataflow.deployment.file
        raise DeploymentError(file, section, f"{timing}{error}") from error
    return dag


def build_dag(dataflow: DeployedDataflow, mistake: DeploymentError | None = None) -> DAG:
    """Return the DAG of a dataflow; nothing in it depends on the dataflow's functions.

    It shows the `mistake` for which the deployment is not that of the present file.
    """
    contract, settings = dataflow.contract, dataflow.settings
    digest = dataflow.deployment.digest
    notices = (last_valid_notice(mistake, digest) if mistake else None, behind_notice(dataflow))
    with DAG(
        dag_id=str(contract.identity),
        description=contract.description,
        doc_md=dataflow_page(contract, *filter(None, notices)),
        schedule=_schedule(contract, settings),
        catchup=False,
        params=form_fields(contract),
        tags={contract.owner, "isthmus", *_warnings(contract, mistake)},
        default_args={"owner": contract.owner, **_task(settings)},
    ) as dag:
        if settings.fused:
            FusedOperator(
                task_id="run",
                dataflow=dataflow,
                asset=asset_of(contract.identity),
                queue=_transform_queue(settings),
            )
        else:
            chain(*_tasks(dataflow))
    return dag


def _warnings(contract: DataflowContract, mistake: DeploymentError | None) -> Iterator[str]:
    if contract.deprecation:
        yield "deprecated"
    if mistake:
        yield INVALID_DEPLOYMENT


def _task(settings: Settings) -> dict[str, Any]:  # Airflow's arguments are of all kinds
    return {
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_seconds),
        "execution_timeout": timedelta(minutes=settings.timeout_minutes),
        "pool": settings.pool,
        "queue": settings.queue,
    }


def _tasks(dataflow: DeployedDataflow) -> Iterator[Any]:  # `expand` names no type
    """Yield the tasks of the DAG in their order."""
    settings = dataflow.settings
    ingest = IngestOperator(task_id="ingest", dataflow=dataflow, fan_out=settings.fan_out)
    yield ingest
    for stop_at in (*settings.stages, None):
        yield _transform(dataflow, stop_at, ingest)
    if settings.approval:
        yield ApproveOperator(
            task_id="approve",
            dataflow=dataflow,
            pins_from="ingest",
            accepted_from="transform",
            execution_timeout=None,  # a person may take longer than a task
        )
    yield PublishOperator(
        task_id="publish",
        dataflow=dataflow,
        pins_from="ingest",
        accepted_from="transform",
        approved_by="approve" if settings.approval else None,
        asset=asset_of(dataflow.contract.identity),
    )


def _transform(dataflow: DeployedDataflow, stop_at: str | None, ingest: IngestOperator) -> Any:  # noqa: ANN401 - Airflow gives what `expand` returns no public name
    stage = dataflow.stage(stop_at)
    arguments = _task(stage.settings) | {
        "task_id": f"transform_{stop_at}" if stop_at else "transform",
        "dataflow": stage,
        "queue": _transform_queue(stage.settings),
    }
    if not dataflow.settings.fan_out:
        return TransformOperator(pins_from="ingest", **arguments)
    return TransformOperator.partial(**arguments).expand(pins=ingest.output)


def _transform_queue(settings: Settings) -> str:
    return settings.transform_queue or settings.queue


def asset_of(identity: Identity) -> Asset:
    """Return the asset that stands for a dataflow's releases."""
    return Asset(name=str(identity), uri=f"isthmus://{identity.name}/v{identity.major}")


def _schedule(
    dataflow: DataflowContract, settings: Settings
) -> CronDataIntervalTimetable | CronTriggerTimetable | list[Asset] | None:
    if settings.schedule is not None:
        timetable = CronDataIntervalTimetable if dataflow.partitioned else CronTriggerTimetable
        return timetable(settings.schedule, timezone="UTC")
    return [asset_of(identity) for identity in dataflow.upstream] or None
