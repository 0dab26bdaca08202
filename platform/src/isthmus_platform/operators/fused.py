"""The operator of a run that has one task: ingest, transform and publish."""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.sdk import Asset, Context

from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.publish import announce


class FusedOperator(DataflowOperator):
    """Do all of a run in one task; return the release's id. Each attempt pins its inputs anew."""

    def __init__(
        self,
        *,
        asset: Asset,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.asset = asset

    def execute(self, context: Context) -> str:
        """Pin inputs while the runner starts, then compute, accept and publish."""
        from isthmus_platform.pipeline.ingest import ingest
        from isthmus_platform.pipeline.publish import publish
        from isthmus_platform.pipeline.transform import transform

        with self.errors_reported():
            lake, run = self.open_lake(), self.run_context(context)
            pins = cache(lambda: ingest(self.dataflow, lake, run))
            accepted = transform(self.dataflow, lake, run, pins)
            published = publish(self.dataflow, lake, run, pins(), accepted)
        return announce(context, self.asset, published)
