"""The operator of the last task: publish what was accepted as one release, and announce it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, Context

from isthmus_contracts.codec import deserialize
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import SHOWN, accepted_from, left_by, pins_from

if TYPE_CHECKING:
    from isthmus_platform.pipeline.publish import Published


class PublishOperator(DataflowOperator):
    """Publish every output in one step, or none; return the release's id."""

    def __init__(
        self,
        *,
        pins_from: str,
        accepted_from: str,
        asset: Asset,
        approved_by: str | None = None,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.pins_from = pins_from
        self.accepted_from = accepted_from
        self.asset = asset
        self.approved_by = approved_by

    def execute(self, context: Context) -> str:
        """Commit the accepted files, write the release and move the pointer."""
        from isthmus_platform.lake.releases.gates import Approval
        from isthmus_platform.pipeline.publish import publish

        with self.errors_reported():
            pins = pins_from(context, self.pins_from)
            lake, run = self.open_lake(), self.run_context(context)
            identity = self.dataflow.contract.identity
            accepted = accepted_from(context, self.accepted_from, pins, lake, identity)
            approval = None
            if self.approved_by is not None:
                shown = left_by(context, self.approved_by, SHOWN)
                approval = deserialize(Approval, shown, "approval")
            published = publish(self.dataflow, lake, run, pins, accepted, approval)
        return announce(context, self.asset, published)


def announce(context: Context, asset: Asset, published: Published) -> str:
    """Announce the current release as an event of the asset; return the run's release.

    A repeated publication that found a newer release must not send readers back to its own.
    """
    context["outlet_events"][asset].extra = {"release": published.current}
    return published.release
