"""The DAG that stands for a dataflow which the deployment, or its age, does not allow to run."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from isthmus_platform.dags.doc_md import end_of_life_page, invalid_deployment_page
from isthmus_platform.errors import DeploymentError, EndOfLifeError, UserError

_LONGEST = 200
_LONGEST_TITLE = 1000


class FailOperator(BaseOperator):
    """Fail with the sentence that says why a dataflow cannot run here."""

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Fail, for no retry can mend a file or turn time back."""
        self.log.error("%s", self.message)
        raise AirflowFailException(self.message)


def invalid_deployment_dag(name: str, error: DeploymentError) -> DAG:
    """Return a DAG that takes a dataflow's place until its deployment is mended."""
    return _placeholder_dag(name, error, invalid_deployment_page(name, error), "mistake")


def end_of_life_dag(name: str, error: EndOfLifeError) -> DAG:
    """Return the DAG that takes a dataflow's place after its last day."""
    return _placeholder_dag(name, error, end_of_life_page(name, error), "retired")


def _placeholder_dag(name: str, error: UserError, page: str, tag: str) -> DAG:
    with DAG(
        dag_id=placeholder_id(name),
        dag_display_name=f"{name[:_LONGEST]} cannot run: {error}"[:_LONGEST_TITLE],
        description=str(error),
        doc_md=page,
        schedule=None,
        tags={"isthmus", tag},
    ) as dag:
        FailOperator(task_id=tag, message=str(error))
    return dag


def placeholder_id(name: str) -> str:
    """Return the DAG's id: the name as Airflow allows it; different names stay different."""
    allowed = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:_LONGEST]
    if allowed == name:
        return name
    return f"{allowed}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
