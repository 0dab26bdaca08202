"""Write a DAG file as a person would, without a catalog: a program of the platform's environment.

`python handwriting.py FILE` writes the same DAGs that the catalog and the deployment make, each as
a statement of its own with every text and number in it; it checks that Airflow stores the same
for both, and prints their number as a JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.sdk import DAG, Asset
from parsing import dags_of, digest_of

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.dags.builder import build_dags

HEAD = """\
from datetime import timedelta

from airflow.sdk import DAG, Asset, Param

from isthmus_platform.operators import IngestOperator, PublishOperator, TransformOperator
"""
_DAG = """
with DAG(
    dag_id={dag_id!r},
    description={description!r},
    doc_md={doc_md!r},
    schedule={schedule},
    catchup=False,
    params={{{params}}},
    tags={tags!r},
    default_args={{
        "owner": {owner!r},
        "retries": {retries!r},
        "retry_delay": timedelta(seconds={delay!r}),
        "execution_timeout": timedelta(seconds={timeout!r}),
        "pool": {pool!r},
        "queue": {queue!r},
    }},
):
    ingest = IngestOperator(task_id="ingest", dataflow=None)
    transform = TransformOperator(task_id="transform", dataflow=None, pins_from="ingest")
    publish = PublishOperator(
        task_id="publish",
        dataflow=None,
        pins_from="ingest",
        accepted_from="transform",
        asset={asset},
    )
    ingest >> transform >> publish
"""


def written(dag: DAG) -> str:
    """Return the statement that makes a DAG."""
    ingest, _, publish = dag.topological_sort()
    params = ((name, dag.params.get_param(name)) for name in dag.params)
    condition = getattr(dag.timetable, "asset_condition", None)
    schedule = ", ".join(_asset(asset) for asset in condition.objects) if condition else ""
    (outlet,) = publish.outlets
    return _DAG.format(
        dag_id=dag.dag_id,
        description=dag.description,
        doc_md=dag.doc_md,
        schedule=f"[{schedule}]" if schedule else None,
        params=", ".join(
            f"{name!r}: "
            f"Param({param.value!r}, description={param.description!r}, **{param.schema!r})"
            for name, param in params
        ),
        tags=sorted(dag.tags),
        owner=ingest.owner,
        retries=ingest.retries,
        delay=ingest.retry_delay.total_seconds(),
        timeout=ingest.execution_timeout.total_seconds(),
        pool=ingest.pool,
        queue=ingest.queue,
        asset=_asset(outlet),
    )


def _asset(asset: Asset) -> str:
    return f"Asset(name={asset.name!r}, uri={asset.uri!r})"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    dags = build_dags(CATALOG)
    file.write_text(HEAD + "".join(map(written, dags.values())), encoding="utf-8")
    assert digest_of(dags_of(file)) == digest_of(dags), (
        "the DAGs written by hand differ from those of the catalog"
    )
    sys.stdout.write(json.dumps({"dags": len(dags)}))
