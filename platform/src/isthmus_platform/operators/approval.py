"""The task before the last, where the deployment wants it: ask a person whether to publish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLRejectException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from isthmus_contracts.codec import serialize
from isthmus_platform.markdown import grid, literal
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import SHOWN, accepted_from, pins_from
from isthmus_platform.runs.pins import Pins

if TYPE_CHECKING:
    from isthmus_contracts import DataflowContract
    from isthmus_platform.lake.intake.acceptance import Accepted
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.lake.releases.changes import Change
    from isthmus_platform.lake.releases.models import Release

_LONGEST = 200


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
        """Ask, unless what was accepted could not be published anyway."""
        from isthmus_platform.lake import releases
        from isthmus_platform.lake.releases import publication
        from isthmus_platform.lake.releases.gates import Approval

        with self.errors_reported():
            pins = pins_from(context, self.pins_from)
            accepted = accepted_from(context, self.accepted_from, pins.interval)
            lake, contract = self.open_lake(), self.dataflow.contract
            publication.check_gates(lake, contract, accepted)
            last = releases.current(lake, contract.identity)
            self.body = request(lake, contract, accepted, pins, last)
        shown = Approval(accepted.digest, last.id if last else None)
        context["ti"].xcom_push(key=SHOWN, value=serialize(shown))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Go on if the person approved; otherwise fail, for a run that is green has published."""
        who = (event.get("responded_by_user") or {}).get("name") or "nobody that Airflow names"
        try:
            answer = super().execute_complete(context, event)
        except HITLRejectException:
            message = f"rejected by {who}; nothing is published. Clear this task to ask again"
            self.log.error("%s", message)  # noqa: TRY400 - no fault, and no traceback
            raise AirflowFailException(message) from None
        self.log.info("approved by %s", who)
        return answer


def request(
    lake: Lake, dataflow: DataflowContract, accepted: Accepted, pins: Pins, last: Release | None
) -> str:
    """Return the request in Markdown, in which nothing that a dataflow says has a meaning."""
    from isthmus_platform.lake.releases import changes

    head = (
        f"Compared with the current release {last.id} of run {last.run}, from {last.created_at}."
        if last
        else "There is no release yet to compare with."
    )
    versions = (
        changes.Change(
            "contract", last.contract_version if last else None, accepted.contract_version
        ),
        changes.Change("code", last.code_version if last else None, accepted.code_version),
    )
    parts: Sequence[tuple[str, str, Iterable[Change]]] = (
        ("Tables", "rows", changes.row_changes(dataflow, accepted, last)),
        ("Columns that differ", "column", changes.column_changes(lake, dataflow, last)),
        ("Files", "bytes", changes.file_changes(accepted, last)),
        ("Metrics", "metric", changes.metric_changes(accepted, last)),
        ("Params that differ", "param", changes.param_changes(pins.params, last)),
        ("Versions", "version", versions),
    )
    warnings = [f"- {literal(warning[:_LONGEST])}" for warning in accepted.warnings]
    return "\n\n".join(
        [
            literal(head),
            "### Warnings",
            "\n".join(warnings) or "None.",
            *(f"### {title}\n\n{_grid(kind, rows)}" for title, kind, rows in parts),
        ]
    )


def _grid(kind: str, rows: Iterable[Change]) -> str:
    return grid(
        (kind, "before", "after", "change"),
        ((row.name, _text(row.before), _text(row.after), _difference(row)) for row in rows),
    )


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:_LONGEST]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _difference(change: Change) -> str:
    match change.before, change.after:
        case (bool(), _) | (_, bool()):
            return ""
        case (int() | float() as before, int() | float() as after) if before not in (0, after):
            return f"{(after - before) / abs(before):+,.1%}"
    return ""
