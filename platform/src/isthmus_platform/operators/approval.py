"""The operator before the last, where the deployment requires it: ask a person for approval."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from isthmus_contracts.codec import serialize
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import SHOWN, accepted_from, pins_from


class ApproveOperator(DataflowOperator, ApprovalOperator):
    """Show a person what would change against the current release, and wait for the answer."""

    def __init__(
        self,
        *,
        pins_from: str,
        accepted_from: str,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(subject="Publish this release?", fail_on_reject=True, **kwargs)
        self.pins_from = pins_from
        self.accepted_from = accepted_from

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - Airflow's signature
        """Ask, unless the gates would refuse the publication anyway."""
        from isthmus_platform.lake import releases
        from isthmus_platform.lake.releases import publication
        from isthmus_platform.lake.releases.gates import Approval
        from isthmus_platform.pipeline.approval import approval_request

        with self.errors_reported():
            pins = pins_from(context, self.pins_from)
            lake, contract = self.open_lake(), self.dataflow.contract
            accepted = accepted_from(context, self.accepted_from, pins, lake, contract.identity)
            publication.check_gates(lake, contract, accepted)
            last = releases.current(lake, contract.identity)
            self.body = approval_request(lake, contract, accepted, pins, last)
        shown = Approval(accepted.digest, last.id if last else None)
        context["ti"].xcom_push(key=SHOWN, value=serialize(shown))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Succeed if the person approved; otherwise fail, because every green run has published."""
        who = (event.get("responded_by_user") or {}).get("name") or "an unknown user"
        try:
            answer = super().execute_complete(context, event)
        except HITLRejectException:
            message = f"rejected by {who}; nothing is published. Clear this task to ask again"
            self.log.error("%s", message)  # noqa: TRY400 - no fault, and no traceback
            raise AirflowFailException(message) from None
        self.log.info("approved by %s", who)
        return answer
