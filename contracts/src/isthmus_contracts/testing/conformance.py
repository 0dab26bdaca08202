"""The checks that every real runner must pass; each raises `AssertionError` with a sentence.

@pytest.mark.parametrize("check", CHECKS)
def test_runner_conforms(check, subject):
    check(subject)
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.errors import IntervalError
from isthmus_contracts.partitions import Interval, Partitioning
from isthmus_contracts.protocol import (
    Capabilities,
    CapabilitiesRequest,
    Graph,
    NodeFinished,
    NodeStarted,
    RunFailure,
    RunResult,
    StagedFile,
    encode,
    wire,
)
from isthmus_contracts.testing.harness import Subject, Transcript, run

__all__ = ["CHECKS", "Subject", "Transcript", "run"]


def _expect(transcript: Transcript, condition: object, sentence: str) -> None:
    if not condition:
        raise AssertionError(f"{sentence}; status {transcript.status}, log:\n{transcript.log}")


def _result(transcript: Transcript) -> RunResult:
    last = transcript.answers[-1] if transcript.answers else None
    if not isinstance(last, RunResult):
        raise AssertionError(
            f"the last answer is {last!r}, expected a result; log:\n{transcript.log}"
        )
    return last


def _refused(transcript: Transcript, *words: str) -> None:
    last = transcript.answers[-1] if transcript.answers else None
    _expect(transcript, transcript.status != 0, "a refusal exits with 0")
    if not isinstance(last, RunFailure):
        raise AssertionError(
            f"the last answer is {last!r}, expected a failure; log:\n{transcript.log}"
        )
    _expect(transcript, last.kind == "request", f"the refusal is of kind {last.kind!r}")
    for word in words:
        _expect(transcript, word in last.message, f"{last.message!r} does not name {word!r}")


def it_ends_with_one_result(subject: Subject) -> None:
    """Expect exit status 0 and one result, which is the last answer."""
    transcript = run(subject)
    _result(transcript)
    ends = [answer for answer in transcript.answers if isinstance(answer, RunResult | RunFailure)]
    _expect(transcript, transcript.status == 0, "a result comes with another status than 0")
    _expect(transcript, len(ends) == 1, f"{len(ends)} ends instead of one")


def its_result_answers_the_request(subject: Subject) -> None:
    """Expect the identity, dataflow and targets of the request, each target once."""
    transcript = run(subject)
    result, request = _result(transcript), subject.request
    _expect(transcript, result.identity == request.identity, f"it answers {result.identity}")
    _expect(transcript, result.dataflow == request.dataflow, f"it answers for {result.dataflow}")
    names = sorted(output.name for output in result.outputs)
    _expect(transcript, names == sorted(request.targets), f"its outputs are {names}")


def its_files_are_as_claimed(subject: Subject) -> None:
    """Expect every file in the staging directory, with its size and digest, and no other file."""
    transcript = run(subject)
    files = [file for output in _result(transcript).outputs for file in output.files]
    _check_files(transcript, Path(subject.request.staging), files)


def _check_files(transcript: Transcript, staging: Path, files: Sequence[StagedFile]) -> None:
    for file in files:
        path = staging / file.path
        _expect(transcript, path.resolve().is_relative_to(staging.resolve()), f"{path} is outside")
        _expect(transcript, path.is_file() and not path.is_symlink(), f"{path} is not a file")
        content = path.read_bytes()
        _expect(transcript, len(content) == file.bytes, f"{path} has {len(content)} bytes")
        digest = hashlib.sha256(content).hexdigest()
        _expect(transcript, digest == file.sha256, f"{path} has digest {digest}")
    strays = {path for path in staging.rglob("*") if path.is_symlink() or not path.is_dir()} - {
        staging / file.path for file in files
    }
    _expect(
        transcript,
        not strays,
        f"it leaves files that its result does not name: {sorted(map(str, strays))}",
    )


def its_files_are_the_partitions_asked_for(subject: Subject) -> None:
    """Expect of a partitioned table a file for each partition, all in the interval if any.

    Of everything else, expect files that name no partition.
    """
    transcript = run(subject)
    for output in _result(transcript).outputs:
        names = [file.partition for file in output.files]
        by = _partitionings(subject).get(output.name)
        if by is None:
            good = set(names) <= {None}
        else:
            interval = subject.request.interval
            good = len(set(names)) == len(names) and all(
                _is_in(by, name, interval) for name in names
            )
        _expect(transcript, good, f"the files of {output.name!r} name the partitions {names}")


def _partitionings(subject: Subject) -> dict[str, Partitioning]:
    tables = CATALOG.dataflow(subject.request.dataflow).partitioned
    return {table.name: table.partitioning for table in tables if table.partitioning is not None}


def _is_in(by: Partitioning, name: str | None, interval: Interval | None) -> bool:
    try:
        days = by.interval(name or "")
    except IntervalError:
        return False
    return interval is None or (interval.start <= days.start and days.end <= interval.end)


def it_announces_its_graph_first(subject: Subject) -> None:
    """Expect one graph, before everything else, each node after its dependencies."""
    transcript = run(subject)
    _expect(transcript, transcript.answers, "it answers nothing")
    first, *rest = transcript.answers
    if not isinstance(first, Graph):
        raise AssertionError(f"the first answer is {first!r}, expected a graph")
    _expect(
        transcript, not any(isinstance(answer, Graph) for answer in rest), "it sends two graphs"
    )
    seen: set[str] = set()
    for node in first.nodes:
        missing = set(node.dependencies) - seen
        _expect(transcript, not missing, f"{node.name!r} stands before {sorted(missing)}")
        seen.add(node.name)
    targets = {node.target for node in first.nodes}
    _expect(transcript, targets >= set(subject.request.targets), f"its targets are {targets}")


def its_nodes_start_and_finish(subject: Subject) -> None:
    """Expect each function of the graph to start once, then finish once."""
    transcript = run(subject)
    functions: set[str] = set()
    started: list[str] = []
    finished: list[str] = []
    for answer in transcript.answers:
        if isinstance(answer, Graph):
            functions = {node.name for node in answer.nodes if node.kind == "function"}
        elif isinstance(answer, NodeStarted):
            started.append(answer.node)
        elif isinstance(answer, NodeFinished):
            _expect(transcript, answer.node in started, f"{answer.node!r} finishes unstarted")
            finished.append(answer.node)
    _expect(transcript, sorted(started) == sorted(functions), f"started: {sorted(started)}")
    _expect(transcript, sorted(finished) == sorted(functions), f"finished: {sorted(finished)}")


def it_computes_only_what_is_asked(subject: Subject) -> None:
    """Expect a result with one output when one target is asked for."""
    target = subject.request.targets[0]
    transcript = run(replace(subject, request=replace(subject.request, targets=(target,))))
    names = [output.name for output in _result(transcript).outputs]
    _expect(transcript, names == [target], f"asked for {target!r}, its outputs are {names}")


def it_stops_at_each_stage_boundary(subject: Subject) -> None:
    """Expect a stage for each checkpoint and output: no outputs, but files for what comes after.

    Given these, the next request is answered as ever, and so it is given a file that is garbage.
    """
    dataflow = CATALOG.dataflow(subject.request.dataflow)
    for boundary in (*dataflow.checkpoints, *dataflow.outputs):
        stage = _in_own_directory(subject, f"until-{boundary.name}", stop_at=boundary.name)
        transcript = run(stage)
        result, staging = _result(transcript), Path(stage.request.staging)
        _expect(transcript, not result.outputs, f"the stage until {boundary.name!r} has outputs")
        _check_files(transcript, staging, result.checkpoints)
        garbage = staging.with_name("garbage")
        garbage.write_bytes(b"no result at all")
        intermediates = (
            *(str(staging / checkpoint.path) for checkpoint in result.checkpoints),
            str(garbage),
        )
        its_result_answers_the_request(
            _in_own_directory(subject, f"after-{boundary.name}", intermediates=intermediates)
        )


def it_refuses_an_unknown_stage_boundary(subject: Subject) -> None:
    """Expect a refusal, naming the boundary, and of a stage without a directory for its results."""
    _refused(
        run(_in_own_directory(subject, "unknown", stop_at="no_such_boundary")), "no_such_boundary"
    )
    boundary = subject.request.targets[0]
    request = replace(
        _in_own_directory(subject, "nowhere", stop_at=boundary).request, checkpoints=None
    )
    _refused(run(replace(subject, request=request)), boundary)


def _in_own_directory(
    subject: Subject, name: str, stop_at: str | None = None, intermediates: tuple[str, ...] = ()
) -> Subject:
    """Return the subject with directories of its own, beside its staging."""
    own = Path(f"{subject.request.staging}-{name}")
    shutil.rmtree(own, ignore_errors=True)
    (own / "staging").mkdir(parents=True)
    places = replace(
        subject.request, staging=str(own / "staging"), checkpoints=str(own / "checkpoints")
    )
    return replace(subject, request=replace(places, stop_at=stop_at, intermediates=intermediates))


def it_answers_in_the_version_it_is_asked_in(subject: Subject) -> None:
    """Expect of each accepted version every answer in that version, be it good or bad."""
    request = replace(subject.request, interval=None)
    wrong = replace(request, dataflow="no_such_dataflow.v1")
    for version in wire.ACCEPTED:
        good, bad = (run(subject, encode(asked, version)) for asked in (request, wrong))
        for transcript in (good, bad):
            spoken = set(transcript.versions)
            _expect(transcript, spoken == {version}, f"asked in {version}, it answers in {spoken}")
        _refused(bad, wrong.dataflow)
        _result(good)


def it_states_its_capabilities(subject: Subject) -> None:
    """Expect one answer to a `CapabilitiesRequest`: a runner that can serve the test's request."""
    transcript = run(subject, encode(CapabilitiesRequest()))
    first = transcript.answers[0] if transcript.answers else None
    if len(transcript.answers) != 1 or not isinstance(first, Capabilities):
        raise AssertionError(
            f"expected one `Capabilities`, got {len(transcript.answers)} answers, first {first!r}; "
            f"log:\n{transcript.log}"
        )
    _expect(transcript, transcript.status == 0, "capabilities come with another status than 0")
    request, accepted = subject.request, first.protocol_versions
    _expect(transcript, wire.VERSION in accepted, f"it claims protocol versions {accepted}")
    version = first.dataflows.get(request.dataflow)
    _expect(
        transcript,
        version == request.contract_version,
        f"it claims {version!r} for the version of {request.dataflow!r}",
    )
    engines = sorted(first.engines)
    _expect(transcript, request.engine.name in engines, f"it claims the engines {engines}")
    _expect(transcript, "python" in first.libraries, "it does not state its version of Python")


def it_refuses_what_it_does_not_know(subject: Subject) -> None:
    """Expect a refusal, naming the culprit, of an unknown dataflow, version, target and param."""
    request = subject.request
    for wrong, word in (
        (replace(request, dataflow="no_such_dataflow.v1"), "no_such_dataflow"),
        (replace(request, contract_version="0.0.99"), "0.0.99"),
        (replace(request, targets=("no_such_target",)), "no_such_target"),
        (replace(request, params={**request.params, "no_such_param": 1}), "no_such_param"),
    ):
        _refused(run(replace(subject, request=wrong)), word)


def it_refuses_a_param_out_of_bounds(subject: Subject) -> None:
    """Expect a refusal, naming the param, for each param that gets a text it does not allow."""
    for name in subject.request.params:
        params = {**subject.request.params, name: "\N{SNOWMAN} is not a value"}
        _refused(run(replace(subject, request=replace(subject.request, params=params))), name)


def it_refuses_a_missing_input(subject: Subject) -> None:
    """Expect a refusal, naming the input, for each input that is not given."""
    for name in subject.request.inputs:
        rest = {
            table_input: files
            for table_input, files in subject.request.inputs.items()
            if table_input != name
        }
        _refused(run(replace(subject, request=replace(subject.request, inputs=rest))), name)


def it_refuses_an_interval_for_which_it_cannot_run(subject: Subject) -> None:
    """Expect a refusal of an interval that cuts a partition, or where there are none."""
    odd = Interval(date(2013, 1, 2), date(2013, 1, 3))
    try:
        CATALOG.dataflow(subject.request.dataflow).check_interval(odd)
    except IntervalError:
        request = replace(subject.request, interval=odd)
        _refused(run(replace(subject, request=request)), "interval")


def it_refuses_what_is_no_request(subject: Subject) -> None:
    """Expect a refusal of garbage, of another version and of an unknown field."""
    plain = json.loads(encode(subject.request))
    for line, word in (
        ("hello", "hello"),
        (json.dumps({**plain, "protocol": 99}), "99"),
        (json.dumps({**plain, "colour": "red"}), "colour"),
    ):
        _refused(run(subject, line), word)


def it_stops_with_the_platform(subject: Subject) -> None:
    """Expect no result once standard input has closed."""
    transcript = run(subject, hang_up=True)
    ended = any(isinstance(answer, RunResult) for answer in transcript.answers)
    _expect(transcript, transcript.status != 0, "it goes on when the platform is gone")
    _expect(transcript, not ended, "it sends a result when the platform is gone")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    it_ends_with_one_result,
    its_result_answers_the_request,
    its_files_are_as_claimed,
    its_files_are_the_partitions_asked_for,
    it_announces_its_graph_first,
    its_nodes_start_and_finish,
    it_computes_only_what_is_asked,
    it_stops_at_each_stage_boundary,
    it_refuses_an_unknown_stage_boundary,
    it_answers_in_the_version_it_is_asked_in,
    it_states_its_capabilities,
    it_refuses_what_it_does_not_know,
    it_refuses_a_param_out_of_bounds,
    it_refuses_a_missing_input,
    it_refuses_an_interval_for_which_it_cannot_run,
    it_refuses_what_is_no_request,
    it_stops_with_the_platform,
)
