"""The three operators of every DAG: ingest, transform, publish.

The DAG file imports them each time that Airflow reads it, so what only a run needs is imported when
a task runs.
"""

from __future__ import annotations

from isthmus_platform.operators.ingest import IngestOperator
from isthmus_platform.operators.publish import PublishOperator
from isthmus_platform.operators.transform import TransformOperator

__all__ = ["IngestOperator", "PublishOperator", "TransformOperator"]
