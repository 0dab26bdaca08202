"""Placeholder DAGs: each shows why a dataflow cannot run, in the list of DAGs and on its page."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from isthmus_platform.dags.doc_md import end_of_life_page, invalid_deployment_page
from isthmus_platform.errors import DeploymentError, EndOfLifeError, UserError

INVALID_DEPLOYMENT = "invalid-deployment"
"""The tag of a DAG that a mistake in the deployment file concerns."""

_MAX_NAME = 200
_MAX_TITLE = 1000


class FailOperator(BaseOperator):
    """Fail with the sentence that says why a dataflow cannot run here."""

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Fail without a retry: neither the file nor the date would be different."""
        self.log.error("%s", self.message)
        raise AirflowFailException(self.message)


def invalid_deployment_dag(name: str, error: DeploymentError) -> DAG:
    """Return the DAG of a dataflow whose part of the deployment file is invalid."""
    return _placeholder_dag(name, error, invalid_deployment_page(name, error), INVALID_DEPLOYMENT)


def end_of_life_dag(name: str, error: EndOfLifeError) -> DAG:
    """Return the DAG of a dataflow whose last day has passed."""
    return _placeholder_dag(name, error, end_of_life_page(name, error), "end-of-life")


def _placeholder_dag(name: str, error: UserError, page: str, tag: str) -> DAG:
    with DAG(
        dag_id=placeholder_id(name),
        dag_display_name=f"{name[:_MAX_NAME]} cannot run: {error}"[:_MAX_TITLE],
        description=str(error),
        doc_md=page,
        schedule=None,
        tags={"isthmus", tag},
    ) as dag:
        FailOperator(task_id=tag, message=str(error))
    return dag


def placeholder_id(name: str) -> str:
    """Return the id of the DAG: the name as Airflow allows it, unique for each name."""
    allowed = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:_MAX_NAME]
    if allowed == name:
        return name
    return f"{allowed}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
