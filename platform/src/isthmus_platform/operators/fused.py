"""The one task of a run that is not worth three: ingest, transform, publish.

The runner loads the dataflow's functions while inputs are brought in.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from airflow.sdk import Asset, Context

from isthmus_platform.operators.ingest import pin_inputs
from isthmus_platform.operators.publish import publish
from isthmus_platform.operators.transform import TransformOperator


class FusedOperator(TransformOperator):
    """Do all of a run in one task; return the release's id. Each attempt pins its inputs anew."""

    def __init__(self, *, asset: Asset, **kwargs: Any) -> None:  # Airflow's own arguments
        super().__init__(outlets=[asset], **kwargs)
        self.asset = asset

    def execute(self, context: Context) -> str:  # type: ignore[override] # a release, not what was accepted
        """Pin, compute, accept and publish."""
        with self.errors_reported():
            pins = cache(partial(pin_inputs, self, context))
            accepted = self.compute(context, pins)
            if accepted is None:
                raise TypeError("a fused run has no stages")
            return publish(self, context, pins(), accepted, self.asset)
