"""The operators: ingest, transform and publish, or all of them fused; and approval.

An operator reads Airflow's context, calls one function of the pipeline and passes its result on.
Airflow parses the DAG file often, so an operator imports the pipeline only when its task runs.
"""

from __future__ import annotations

from isthmus_platform.operators.ingest import IngestOperator
from isthmus_platform.operators.publish import PublishOperator
from isthmus_platform.operators.transform import TransformOperator

__all__ = ["IngestOperator", "PublishOperator", "TransformOperator"]
