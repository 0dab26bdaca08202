"""What a run waits for: refused before it starts if that cannot come, said while it waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from isthmus_contracts.formatting import unknown_name
from isthmus_platform.local_airflow.client import Client
from isthmus_platform.local_airflow.errors import InstallationError
from isthmus_platform.local_airflow.models import Run, Task

_FOR_A_PERSON = ("awaiting_input", "deferred")


def check_can_start(client: Client, dag: str, pools: Collection[str]) -> None:
    """Raise `InstallationError` if a run would wait for ever: for a paused DAG, or for a pool."""
    found = client.dag(dag)
    if found is not None and found.paused:
        raise InstallationError(
            f"{dag} is paused in Airflow, so a run of it would only wait; unpause it at "
            f"{client.url}/dags/{dag}, then run it"
        )
    known = client.pools()
    for pool in pools:
        if pool not in known:
            problem = unknown_name("pool", pool, known)
        elif known[pool] == 0:
            problem = f"pool {pool!r} has no slots"
        else:
            continue
        raise InstallationError(
            f"{problem}; a task of {dag} would wait for it for ever. Create or enlarge it at "
            f"{client.url}/pools, or name another one in the deployment file"
        )


def describe_wait(client: Client, run: Run, tasks: Sequence[Task]) -> str:
    """Say what a run waits for, of which no task is running."""
    page = f"{client.url}/dags/{run.dag}"
    dag = client.dag(run.dag)
    if dag is None:
        return f"Airflow finds no DAG {run.dag} in its files"
    if dag.paused:
        return f"{run.dag} is paused; unpause it at {page}"
    if run.state == "queued":
        return f"the run is queued; other runs of {run.dag} may be in progress, see {page}"
    waits = (_describe_task(client, run, task) for task in tasks)
    return next(filter(None, waits), "the scheduler has not started the next task yet")


def _describe_task(client: Client, run: Run, task: Task) -> str | None:
    """Say what a task waits for, if it does."""
    if task.state == "scheduled":
        wait = f"{task.name} waits for a free slot of pool {task.pool!r}"
        exists = task.pool is None or task.pool in client.pools()
        return wait if exists else f"{wait}, which does not exist; create it at {client.url}/pools"
    if task.state in _FOR_A_PERSON:
        page = f"{client.url}/dags/{run.dag}/runs/{run.id}"
        return f"{task.name} waits for the answer of a person, at {page}"
    waits = {
        "queued": f"{task.name} waits for a free worker",
        "up_for_retry": f"{task.name} failed, and is tried again after its retry delay",
    }
    return waits.get(task.state or "")
