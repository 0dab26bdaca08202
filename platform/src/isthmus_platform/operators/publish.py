"""The last task: publish what was accepted as one release, and announce it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, Context

from isthmus_contracts.codec import from_plain
from isthmus_platform.deployment import load_deployment
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.handover import accepted_from, pins_from

SHOWN = "shown"
"""The name under which the approving task leaves what the person was shown."""


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
        from isthmus_platform.lake import publishing, releases
        from isthmus_platform.lake.gates import Approval

        with self.mistakes_told():
            deployment = load_deployment()
            pins = pins_from(context, self.pins_from)
            accepted = accepted_from(context, self.accepted_from, pins.interval)
            approval = None
            if self.approved_by is not None:
                plain = context["ti"].xcom_pull(task_ids=self.approved_by, key=SHOWN)
                approval = from_plain(Approval, plain, "approval")
            lake = self.lake(deployment)
            release = publishing.publish(
                lake,
                self.contract,
                accepted,
                params=pins.params,
                inputs=pins.inputs,
                approval=approval,
            )
            # Where a repeated publication was overtaken, readers must not be sent back to it.
            current = releases.current(lake, self.contract.identity) or release
        context["outlet_events"][self.asset].extra = {"release": current.id}
        self.log.info("published release %s of %s", release.id, self.contract.identity)
        for warning in release.warnings:
            self.log.warning("%s", warning)
        if current.id != release.id:
            self.log.warning("release %s has been published since and stays current", current.id)
        return release.id
