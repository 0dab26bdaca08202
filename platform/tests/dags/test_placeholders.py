"""Placeholder DAGs say why a dataflow cannot run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from isthmus_platform.dags.placeholders import (
    end_of_life_dag,
    invalid_deployment_dag,
    placeholder_id,
)
from isthmus_platform.errors import DeploymentError, EndOfLifeError

ENDED = EndOfLifeError("days.v1", date(2027, 1, 31), "days.v2")
INVALID = DeploymentError(Path("company.toml"), '[dataflows."days.v1"]', "retries is -1")


@pytest.mark.parametrize(
    ("dag", "task", "message"),
    [
        (invalid_deployment_dag("days.v1", INVALID), "invalid-deployment", str(INVALID)),
        (end_of_life_dag("days.v1", ENDED), "end-of-life", str(ENDED)),
    ],
)
def test_the_one_task_fails_with_the_reason_and_is_not_retried(
    dag: DAG, task: str, message: str
) -> None:
    assert dag.dag_display_name == f"days.v1 cannot run: {message}"
    assert dag.tags == {"isthmus", task}
    (operator,) = dag.tasks
    assert operator.task_id == task
    with pytest.raises(AirflowFailException) as caught:
        operator.execute({})
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["days.v1", "a-b_c.v12"])
def test_a_name_that_airflow_allows_is_the_id(name: str) -> None:
    assert placeholder_id(name) == name


def test_other_names_have_ids_of_their_own_that_airflow_allows() -> None:
    names = ["a b", "a_b", "a/b", "x" * 300, "x" * 301, ""]
    ids = [placeholder_id(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(len(dag_id) <= 250 for dag_id in ids)


def test_a_long_reason_is_cut_in_the_title_and_whole_in_the_description() -> None:
    error = DeploymentError(None, "lake", "x" * 2000)
    dag = invalid_deployment_dag("days.v1", error)
    assert len(dag.dag_display_name) == 1000
    assert dag.description == str(error)
