"""Partitions and stages; test_acceptance has the refusals that leave the lake empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from isthmus_contracts import (
    Column,
    DataflowContract,
    Interval,
    Metric,
    Metrics,
    Partitioning,
    Table,
)
from isthmus_contracts.protocol import (
    EngineProfile,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.errors import ResultError
from isthmus_platform.lake.intake.result_validation import validate_result

DATAFLOW = DataflowContract(
    "counted",
    "1.0.0",
    "data-science",
    "Counts.",
    (),
    (
        Table(
            "counts",
            "One row per day.",
            (Column("day", "date", "Day."),),
            partitioning=Partitioning("day", granularity="month"),
        ),
        Metrics("quality", "How good it is.", (Metric("auc", "AUC.", minimum=0, maximum=1),)),
    ),
)
RUN = RunIdentity("run-1", "transform", 1)
REQUEST = RunRequest(
    RUN,
    "counted.v1",
    "1.0.0",
    ("counts", "quality"),
    {},
    {},
    "/staging",
    EngineProfile("sequential", {}),
    interval=Interval(date(2013, 1, 1), date(2013, 3, 1)),
)


def staged(*partitions: str | None) -> tuple[StagedFile, ...]:
    return tuple(
        StagedFile(f"{number}.parquet", 1, "0" * 64, 1, partition)
        for number, partition in enumerate(partitions)
    )


def result(*partitions: str | None, metrics: dict[str, float] | None = None) -> RunResult:
    outputs = (
        StagedOutput("counts", staged(*partitions)),
        StagedOutput("quality", metrics={"auc": 0.5} if metrics is None else metrics),
    )
    return RunResult(RUN, "counted.v1", "1.0.0", "code", outputs)


def problems(request: RunRequest, found: RunResult) -> tuple[str, ...]:
    with pytest.raises(ResultError) as refusal:
        validate_result(DATAFLOW, request, found)
    return tuple(refusal.value.problems)


@pytest.mark.parametrize("partitions", [(), ("2013-01",), ("2013-02", "2013-01")])
def test_a_result_that_answers_its_request_passes(partitions: tuple[str, ...]) -> None:
    validate_result(DATAFLOW, REQUEST, result(*partitions))


def test_a_run_for_everything_may_have_any_partition() -> None:
    validate_result(DATAFLOW, replace(REQUEST, interval=None), result("1999-12", "2013-01"))


@pytest.mark.parametrize(
    ("partitions", "problem"),
    [
        ((None,), "table 'counts' has files of no partition"),
        (("2013-01", "2013-01"), "partition '2013-01' of table 'counts' has 2 files instead of"),
        (("2013-03",), "table 'counts' has partition '2013-03'; the run is for 2013-01-01"),
        (("2013-13",), "table 'counts': "),
        (("../x",), "table 'counts': "),
    ],
)
def test_a_wrong_partition_is_refused(partitions: tuple[str | None, ...], problem: str) -> None:
    (found,) = problems(REQUEST, result(*partitions))
    assert found.startswith(problem)


def test_every_problem_is_said() -> None:
    wrong = replace(result("2013-03", metrics={"auc": 2.0}), dataflow="other.v1")
    assert len(problems(REQUEST, wrong)) == 3


def test_an_output_of_another_request_is_refused() -> None:
    request = replace(REQUEST, targets=("quality",))
    assert problems(request, result("2013-01")) == ("output 'counts' was not requested",)


def test_a_stage_has_intermediates_and_no_output() -> None:
    stage = replace(REQUEST, stop_at="joined")
    done = replace(result(), outputs=(), checkpoints=staged(None))
    validate_result(DATAFLOW, stage, done)
    assert problems(stage, result("2013-01")) == (
        "output 'counts' was not requested",
        "output 'quality' was not requested",
    )
    (found,) = problems(replace(REQUEST, targets=()), done)
    assert found == "it has 1 intermediate, and the request is not for a stage"


@pytest.mark.parametrize("revision", ["", "a b", "abc\nforged line", "x" * 101, "\x1b[2J"])
def test_a_revision_that_is_not_a_word_is_refused(revision: str) -> None:
    with pytest.raises(ResultError, match="its revision is "):
        validate_result(DATAFLOW, REQUEST, replace(result(), revision=revision))


@pytest.mark.parametrize("revision", [None, "adc8ea90e17f2f03bd5b806f935dc4e888e77cb2-dirty"])
def test_a_revision_is_a_word_or_missing(revision: str | None) -> None:
    validate_result(DATAFLOW, REQUEST, replace(result(), revision=revision))
