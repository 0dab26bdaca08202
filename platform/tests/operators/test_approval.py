"""What a person is asked before a release, and what the answer does.

Airflow's test mode waits for an answer that nobody gives, so the task's two halves are called here;
integration/test_approval.py asks through a real Airflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import Mock

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException

from isthmus_contracts import Column, Metrics, Table
from isthmus_contracts.codec import deserialize, serialize
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake import releases
from isthmus_platform.lake.intake.acceptance_record import record_accepted
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.gates import Approval
from isthmus_platform.markdown import literal
from isthmus_platform.operators.approval import ApproveOperator
from isthmus_platform.pipeline.approval import approval_request
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import DiskStore

pytestmark = pytest.mark.slow

METRICS = PARCEL_DELAYS.output("delay_metrics")
assert isinstance(METRICS, Metrics)
METRIC = METRICS.metrics[0].name
HOSTILE = "<script>alert(1)</script> | **bold** [link](javascript:x)"


class Company(Protocol):
    """The company that the fixture gives."""

    folder: Path
    published: Sequence[str]

    def run(self, dataflow: str = ..., **params: object) -> object: ...


def accepted(*, rows: int = 150, auc: float = 0.5, warnings: Sequence[str] = ()) -> Accepted:
    """Return what might have been accepted of parcel_delays."""
    outputs: list[AcceptedOutput] = []
    for output in PARCEL_DELAYS.outputs:
        if isinstance(output, Table):
            file = AcceptedFile(f"{output.name}.parquet", 10, "0" * 64, rows)
            outputs.append(AcceptedOutput(output.name, (file,)))
        elif output.name == "delay_metrics":
            outputs.append(AcceptedOutput(output.name, metrics={METRIC: auc}))
        else:
            file = AcceptedFile(output.name, 10, "0" * 64)
            outputs.append(AcceptedOutput(output.name, (file,)))
    version = PARCEL_DELAYS.version
    return Accepted(
        "parcel_delays.v1", version, "new-code", "run-2", tuple(outputs), tuple(warnings)
    )


def operator() -> ApproveOperator:
    return ApproveOperator(
        task_id="approve",
        dataflow=load_deployment().deploy(PARCEL_DELAYS),
        pins_from="ingest",
        accepted_from="transform",
    )


def ask(monkeypatch: pytest.MonkeyPatch, what: Accepted) -> tuple[str, Approval]:
    """Return the text of the request, and what the task leaves for publish."""
    asked: list[str] = []
    monkeypatch.setattr(
        HITLOperator, "execute", lambda self, _context: asked.append(str(self.body))
    )
    pins = Pins({"model": HOSTILE}, {})
    given = {"ingest": serialize(pins), "transform": serialize(what)}
    task = Mock()
    task.xcom_pull = lambda task_ids, key: given[task_ids] if key == "return_value" else None
    task.run_id = what.run
    record_accepted(operator().open_lake(), PARCEL_DELAYS.identity, what.run, what)
    operator().execute({"ti": task})  # type: ignore[typeddict-item] # the rest is not used
    pushed = task.xcom_push.call_args.kwargs
    assert pushed["key"] == "shown"
    return asked[0], deserialize(Approval, pushed["value"])


@pytest.mark.usefixtures("company")
def test_a_first_release_has_nothing_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    text, shown = ask(monkeypatch, accepted())
    assert "There is no release yet to compare with." in text
    assert "| parcel\\_features | none | 150 |  |" in text
    assert shown == Approval(accepted().digest, None)


def test_the_request_says_what_changes_against_the_current_release(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.run()
    text, shown = ask(monkeypatch, accepted(warnings=["table 'x': 3 values below 5"]))
    assert shown.against == company.published[0]
    assert f"Compared with the current release {company.published[0]} of run" in text
    assert "| parcel\\_features | 1 | 150 | \\+14,900.0% |" in text
    metric = f"delay_metrics.{METRIC}".replace("_", "\\_")
    assert f"| {metric} | 1 | 0\\.5 | \\-50.0% |" in text
    assert "- table 'x': 3 values below 5" in text
    assert "### Columns that differ\n\nNone." in text
    assert "10 bytes, sha256 000000000000" in text
    assert (
        f"| contract | {literal(PARCEL_DELAYS.version)} | {literal(PARCEL_DELAYS.version)} |"
        in text
    )
    assert "new-code" in text


def test_a_column_that_differs_is_shown(company: Company) -> None:
    company.run()
    lake = Lake(DiskStore(company.folder / "lake"))
    last = releases.current(lake, PARCEL_DELAYS.identity)
    (features,) = [output for output in PARCEL_DELAYS.outputs if output.name == "parcel_features"]
    assert isinstance(features, Table)
    fewer = Table("parcel_features", "F.", features.columns[1:])
    outputs = tuple(fewer if output is features else output for output in PARCEL_DELAYS.outputs)
    changed = type(PARCEL_DELAYS)(
        "parcel_delays", "1.9.0", "data-science", "D.", PARCEL_DELAYS.inputs, outputs
    )
    text = approval_request(lake, changed, accepted(), Pins({}, {}), last)
    name = features.columns[0].name.replace("_", "\\_")
    assert f"| parcel\\_features.{name} |" in text
    assert text.count("parcel\\_features.") == 1


def test_a_long_list_is_cut_and_counted(company: Company) -> None:
    wide = Table("parcel_features", "F.", tuple(Column(f"c{n}", "int64", "C.") for n in range(150)))
    outputs = tuple(
        wide if output.name == "parcel_features" else output for output in PARCEL_DELAYS.outputs
    )
    changed = replace(PARCEL_DELAYS, outputs=outputs)
    lake = Lake(DiskStore(company.folder / "lake"))
    text = approval_request(lake, changed, accepted(), Pins({}, {}), None)
    assert "| parcel\\_features.c99 | none | int64, not null |" in text
    assert "parcel\\_features.c100" not in text
    columns = sum(len(output.columns) for output in outputs if isinstance(output, Table))
    assert f"and {columns - 100} more." in text


@pytest.mark.usefixtures("company")
def test_text_from_a_dataflow_means_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = ask(monkeypatch, accepted(warnings=[HOSTILE, "two\nlines | x"]))
    assert "<script>" not in text
    assert "**bold**" not in text
    assert "[link]" not in text
    assert "- two lines \\| x" in text


@pytest.mark.usefixtures("company")
def test_what_could_not_be_published_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise publication.PublicationError("parcel_delays.v1", "too few rows")

    monkeypatch.setattr(publication, "check_gates", refuse)
    with pytest.raises(AirflowFailException, match="cannot be published: too few rows"):
        ask(monkeypatch, accepted())


@pytest.mark.parametrize(
    ("user", "who"), [({"id": "1", "name": "ada"}, "ada"), (None, "an unknown user")]
)
@pytest.mark.usefixtures("company")
def test_a_rejection_fails_once_and_says_who(user: dict[str, str] | None, who: str) -> None:
    event: dict[str, Any] = {
        "chosen_options": ["Reject"],
        "params_input": {},
        "responded_at": Mock(),
        "responded_by_user": user,
    }
    with pytest.raises(AirflowFailException) as refusal:
        operator().execute_complete({}, event)  # type: ignore[typeddict-item] # nothing is used
    assert str(refusal.value) == (
        f"rejected by {who}; nothing is published. Clear this task to ask again"
    )
    answer = operator().execute_complete({}, {**event, "chosen_options": ["Approve"]})  # type: ignore[typeddict-item]
    assert answer["chosen_options"] == ["Approve"]
