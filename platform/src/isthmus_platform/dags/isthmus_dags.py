"""The DAG file that Airflow reads: catalog and deployment make one DAG for each dataflow."""

from __future__ import annotations

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.dags.linear import build_dags

globals().update(build_dags(CATALOG))
