"""The last task: publish what was accepted as one release, and announce it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, Context

from isthmus_contracts.codec import deserialize
from isthmus_platform.deployment import load_deployment
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import accepted_from, pins_from
from isthmus_platform.runs.pins import Pins

if TYPE_CHECKING:
    from isthmus_platform.lake.intake.accepted import Accepted
    from isthmus_platform.lake.releases.gates import Approval

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
        from isthmus_platform.lake.releases.gates import Approval

        with self.errors_reported():
            pins = pins_from(context, self.pins_from)
            accepted = accepted_from(context, self.accepted_from, pins.interval)
            approval = None
            if self.approved_by is not None:
                plain = context["ti"].xcom_pull(task_ids=self.approved_by, key=SHOWN)
                approval = deserialize(Approval, plain, "approval")
            return publish(self, context, pins, accepted, self.asset, approval)


def publish(  # noqa: PLR0913, PLR0917 - what a run has come to, and for whom
    task: DataflowOperator,
    context: Context,
    pins: Pins,
    accepted: Accepted,
    asset: Asset,
    approval: Approval | None = None,
) -> str:
    """Publish what was accepted, announce it as the asset, and return the release's id."""
    from isthmus_platform.lake import releases
    from isthmus_platform.lake.intake import intermediates
    from isthmus_platform.lake.releases import publication

    deployment = load_deployment()
    lake, dataflow = task.lake(deployment), task.contract
    release = publication.publish(
        lake, dataflow, accepted, params=pins.params, inputs=pins.inputs, approval=approval
    )
    # Where a repeated publication was overtaken, readers must not be sent back to it.
    current = releases.current(lake, dataflow.identity) or release
    context["outlet_events"][asset].extra = {"release": current.id}
    task.log.info("published release %s of %s", release.id, dataflow.identity)
    for warning in release.warnings:
        task.log.warning("%s", warning)
    if current.id != release.id:
        task.log.warning("release %s has been published since and stays current", current.id)
    if deployment.settings(dataflow).keeps:
        try:
            intermediates.remove_intermediates(lake, dataflow.identity, accepted.run)
        except LakeUnavailableError as error:  # published it is; a cleaning will find the rest
            task.log.warning("what the run's tasks handed on stays for now: %s", error)
    return release.id
