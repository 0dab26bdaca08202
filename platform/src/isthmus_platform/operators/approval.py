"""The task before the last, where the deployment wants it: ask a person whether to publish."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    from isthmus_platform.lake.intake.accepted import Accepted
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.lake.releases.diff import Difference, Kind
    from isthmus_platform.lake.releases.models import Release

_LONGEST = 200
_MOST_ROWS = 100


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
    from isthmus_platform.lake.releases.diff import diff_accepted

    head = (
        f"Compared with the current release {last.id} of run {last.run}, from {last.created_at}."
        if last
        else "There is no release yet to compare with."
    )
    found = diff_accepted(lake, dataflow, accepted, pins.params, pins.inputs, last)
    parts: Sequence[tuple[str, str, Collection[Kind]]] = (
        ("Tables", "rows", {"rows"}),
        ("Columns that differ", "column", {"schema"}),
        ("Files", "file", {"file"}),
        ("Metrics", "metric", {"metric"}),
        ("Params that differ", "param", {"param"}),
        ("Inputs that differ", "input", {"input"}),
        ("Versions", "version", {"contract", "code"}),
    )
    warnings = [f"- {literal(warning[:_LONGEST])}" for warning in accepted.warnings]
    return "\n\n".join(
        [
            literal(head),
            "### Warnings",
            "\n".join(warnings) or "None.",
            *(
                f"### {title}\n\n{_grid(head, [fact for fact in found if fact.kind in kinds])}"
                for title, head, kinds in parts
            ),
        ]
    )


def _grid(head: str, facts: Sequence[Difference]) -> str:
    shown = grid(
        (head, "before", "after", "change"),
        (
            (_name(fact), _text(fact.before), _text(fact.after), _change(fact))
            for fact in facts[:_MOST_ROWS]
        ),
    )
    more = len(facts) - _MOST_ROWS
    return f"{shown}\n\nand {more:,} more." if more > 0 else shown


def _name(fact: Difference) -> str:
    return fact.kind if fact.kind in {"contract", "code"} else fact.name


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:_LONGEST]
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _change(fact: Difference) -> str:
    match _number(fact.before), _number(fact.after):
        case (int() | float() as before, int() | float() as after) if before not in {0, after}:
            return f"{(after - before) / abs(before):+,.1%}"
    return ""


def _number(value: object) -> float | None:
    """Return a number, or the size of a file; a truth value is neither."""
    size = getattr(value, "bytes", value)
    return size if isinstance(size, int | float) and not isinstance(size, bool) else None
