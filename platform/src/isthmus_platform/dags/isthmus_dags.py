"""The DAG file that Airflow reads: catalog and deployment make one DAG for each dataflow."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.dags.builder import build_dags

# Where a task runs, Airflow reads the file for that task's DAG only.
globals().update(build_dags(CATALOG, only=get_parsing_context().dag_id))
