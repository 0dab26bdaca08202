"""The three operators of every DAG: ingest, transform, publish."""

from __future__ import annotations

from isthmus_platform.operators.ingest import IngestOperator
from isthmus_platform.operators.publish import PublishOperator
from isthmus_platform.operators.transform import TransformOperator

__all__ = ["IngestOperator", "PublishOperator", "TransformOperator"]
