from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import ResultError
from isthmus_platform.lake.intake.result_validation import validate_result

Stage = Callable[..., Any]


def test_a_result_that_answers_its_request_is_accepted(
    dataflow: DataflowContract, stage: Stage
) -> None:
    staged = stage()
    validate_result(dataflow, staged.request, staged.result)


def test_every_problem_is_named_at_once(dataflow: DataflowContract, stage: Stage) -> None:
    staged = stage()
    outputs = tuple(
        replace(output, metrics={"auc": 2.0, "x": 1.0}) if output.metrics else output
        for output in staged.result.outputs
    )
    wrong = replace(staged.result, contract_version="9.0.0", outputs=outputs[1:])
    with pytest.raises(ResultError) as caught:
        validate_result(dataflow, staged.request, wrong)
    message = str(caught.value)
    assert "it is for contract version '9.0.0'" in message
    assert f"output {outputs[0].name!r} is named 0 times instead of once" in message
    assert "metrics 'quality': metric 'auc' is 2; the contract says at most 1" in message
    assert "metrics 'quality': metric 'x' is not in the contract" in message


def test_intermediates_need_a_request_for_a_stage(dataflow: DataflowContract, stage: Stage) -> None:
    staged = stage()
    wrong = replace(staged.result, checkpoints=(StagedFile("a.checkpoint", 1, "0" * 64),))
    with pytest.raises(ResultError, match="1 result"):
        validate_result(dataflow, staged.request, wrong)
