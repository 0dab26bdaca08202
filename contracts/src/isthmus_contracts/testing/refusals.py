"""The refusals that every real runner must give; each check raises `AssertionError`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from isthmus_contracts.errors import IntervalError
from isthmus_contracts.partitions import Interval
from isthmus_contracts.protocol import encode
from isthmus_contracts.testing.harness import Subject, expect_refusal, in_own_directory, run


def it_refuses_an_unknown_stage_boundary(subject: Subject) -> None:
    """Expect a refusal, naming the boundary, and of a stage without a directory for its results."""
    expect_refusal(
        run(in_own_directory(subject, "unknown", stop_at="no_such_boundary")), "no_such_boundary"
    )
    boundary = subject.request.targets[0]
    request = replace(
        in_own_directory(subject, "nowhere", stop_at=boundary).request, checkpoints=None
    )
    expect_refusal(run(replace(subject, request=request)), boundary)


def it_refuses_what_it_does_not_know(subject: Subject) -> None:
    """Expect a refusal, naming the culprit, of an unknown dataflow, version, target and param."""
    request = subject.request
    for wrong, word in (
        (replace(request, dataflow="no_such_dataflow.v1"), "no_such_dataflow"),
        (replace(request, contract_version="0.0.99"), "0.0.99"),
        (replace(request, targets=("no_such_target",)), "no_such_target"),
        (replace(request, params={**request.params, "no_such_param": 1}), "no_such_param"),
    ):
        expect_refusal(run(replace(subject, request=wrong)), word)


def it_refuses_a_param_out_of_bounds(subject: Subject) -> None:
    """Expect a refusal, naming the param, for each param that gets a text it does not allow."""
    for name in subject.request.params:
        params = {**subject.request.params, name: "\N{SNOWMAN} is not a value"}
        expect_refusal(run(replace(subject, request=replace(subject.request, params=params))), name)


def it_refuses_a_missing_input(subject: Subject) -> None:
    """Expect a refusal, naming the input, for each input that is not given."""
    for name in subject.request.inputs:
        rest = {
            table_input: files
            for table_input, files in subject.request.inputs.items()
            if table_input != name
        }
        expect_refusal(run(replace(subject, request=replace(subject.request, inputs=rest))), name)


def it_refuses_an_interval_for_which_it_cannot_run(subject: Subject) -> None:
    """Expect a refusal of an interval that cuts a partition, or of any without partitions."""
    odd = Interval(date(2013, 1, 2), date(2013, 1, 3))
    try:
        subject.contract.check_interval(odd)
    except IntervalError:
        request = replace(subject.request, interval=odd)
        expect_refusal(run(replace(subject, request=request)), "interval")


def it_refuses_what_is_no_request(subject: Subject) -> None:
    """Expect a refusal of garbage, of another version and of an unknown field."""
    plain = json.loads(encode(subject.request))
    for line, word in (
        ("hello", "hello"),
        (json.dumps({**plain, "protocol": 99}), "99"),
        (json.dumps({**plain, "colour": "red"}), "colour"),
    ):
        expect_refusal(run(subject, line), word)
