"""The checks that every real runner must pass; each raises `AssertionError` with a sentence.

@pytest.mark.parametrize("check", CHECKS)
def test_runner_conforms(check, subject):
    check(subject)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

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
from isthmus_contracts.tables import Table
from isthmus_contracts.testing.harness import (
    Subject,
    Transcript,
    expect,
    expect_refusal,
    in_own_directory,
    result_of,
    run,
)
from isthmus_contracts.testing.refusals import (
    it_refuses_a_missing_input,
    it_refuses_a_param_out_of_bounds,
    it_refuses_an_interval_for_which_it_cannot_run,
    it_refuses_an_unknown_stage_boundary,
    it_refuses_what_is_no_request,
    it_refuses_what_it_does_not_know,
)

_STREAM_BEGINS = b"\xff\xff\xff\xff"
_STREAM_ENDS = _STREAM_BEGINS + bytes(4)

__all__ = ["CHECKS", "Subject", "Transcript", "run"]


def it_ends_with_one_result(subject: Subject) -> None:
    """Expect exit status 0 and one result, which is the last answer."""
    transcript = run(subject)
    result_of(transcript)
    ends = [answer for answer in transcript.answers if isinstance(answer, RunResult | RunFailure)]
    expect(transcript, transcript.status == 0, "a result comes with another status than 0")
    expect(transcript, len(ends) == 1, f"{len(ends)} ends instead of one")


def its_result_answers_the_request(subject: Subject) -> None:
    """Expect the identity, dataflow and targets of the request, each target once."""
    transcript = run(subject)
    result, request = result_of(transcript), subject.request
    expect(transcript, result.identity == request.identity, f"it answers {result.identity}")
    expect(transcript, result.dataflow == request.dataflow, f"it answers for {result.dataflow}")
    names = sorted(output.name for output in result.outputs)
    expect(transcript, names == sorted(request.targets), f"its outputs are {names}")


def its_files_are_as_claimed(subject: Subject) -> None:
    """Expect every file in the staging directory, with its size and digest, and no other file."""
    transcript = run(subject)
    files = [file for output in result_of(transcript).outputs for file in output.files]
    _check_files(transcript, Path(subject.request.staging), files)


def _check_files(transcript: Transcript, staging: Path, files: Sequence[StagedFile]) -> None:
    for file in files:
        path = staging / file.path
        expect(transcript, path.resolve().is_relative_to(staging.resolve()), f"{path} is outside")
        expect(transcript, path.is_file() and not path.is_symlink(), f"{path} is not a file")
        content = path.read_bytes()
        expect(transcript, len(content) == file.bytes, f"{path} has {len(content)} bytes")
        digest = hashlib.sha256(content).hexdigest()
        expect(transcript, digest == file.sha256, f"{path} has digest {digest}")
    strays = {path for path in staging.rglob("*") if path.is_symlink() or not path.is_dir()} - {
        staging / file.path for file in files
    }
    expect(
        transcript,
        not strays,
        f"it leaves files that its result does not name: {sorted(map(str, strays))}",
    )


def its_tables_are_streams(subject: Subject) -> None:
    """Expect each file of a table to begin and end as an Arrow IPC stream does."""
    transcript = run(subject)
    outputs = subject.contract.outputs
    tables = {output.name for output in outputs if isinstance(output, Table)}
    for output in result_of(transcript).outputs:
        for file in output.files if output.name in tables else ():
            content = (Path(subject.request.staging) / file.path).read_bytes()
            good = content.startswith(_STREAM_BEGINS) and content.endswith(_STREAM_ENDS)
            expect(transcript, good, f"{file.path} is not an Arrow IPC stream")


def its_files_are_the_partitions_asked_for(subject: Subject) -> None:
    """Expect of a partitioned table a file for each partition, all in the interval if any.

    Of everything else, expect files that name no partition.
    """
    transcript = run(subject)
    for output in result_of(transcript).outputs:
        names = [file.partition for file in output.files]
        by = _partitionings(subject).get(output.name)
        if by is None:
            good = set(names) <= {None}
        else:
            interval = subject.request.interval
            good = len(set(names)) == len(names) and all(
                _is_in(by, name, interval) for name in names
            )
        expect(transcript, good, f"the files of {output.name!r} name the partitions {names}")


def _partitionings(subject: Subject) -> dict[str, Partitioning]:
    tables = subject.contract.partitioned
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
    expect(transcript, transcript.answers, "it answers nothing")
    first, *rest = transcript.answers
    if not isinstance(first, Graph):
        raise AssertionError(f"the first answer is {first!r}, expected a graph")
    expect(transcript, not any(isinstance(answer, Graph) for answer in rest), "it sends two graphs")
    seen: set[str] = set()
    for node in first.nodes:
        missing = set(node.dependencies) - seen
        expect(transcript, not missing, f"{node.name!r} stands before {sorted(missing)}")
        seen.add(node.name)
    targets = {node.target for node in first.nodes}
    expect(transcript, targets >= set(subject.request.targets), f"its targets are {targets}")


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
            expect(transcript, answer.node in started, f"{answer.node!r} finishes unstarted")
            finished.append(answer.node)
    expect(transcript, sorted(started) == sorted(functions), f"started: {sorted(started)}")
    expect(transcript, sorted(finished) == sorted(functions), f"finished: {sorted(finished)}")


def it_computes_only_what_is_asked(subject: Subject) -> None:
    """Expect a result with one output when one target is asked for."""
    target = subject.request.targets[0]
    transcript = run(replace(subject, request=replace(subject.request, targets=(target,))))
    names = [output.name for output in result_of(transcript).outputs]
    expect(transcript, names == [target], f"asked for {target!r}, its outputs are {names}")


def it_stops_at_each_stage_boundary(subject: Subject) -> None:
    """Expect a stage for each checkpoint and output: no outputs, but files for what comes after.

    Given these, the next request is answered as ever, and so it is given a file that is garbage.
    """
    dataflow = subject.contract
    for boundary in (*dataflow.checkpoints, *dataflow.outputs):
        stage = in_own_directory(subject, f"until-{boundary.name}", stop_at=boundary.name)
        transcript = run(stage)
        result, staging = result_of(transcript), Path(stage.request.staging)
        expect(transcript, not result.outputs, f"the stage until {boundary.name!r} has outputs")
        _check_files(transcript, staging, result.checkpoints)
        garbage = staging.with_name("garbage")
        garbage.write_bytes(b"no result at all")
        intermediates = (
            *(str(staging / checkpoint.path) for checkpoint in result.checkpoints),
            str(garbage),
        )
        its_result_answers_the_request(
            in_own_directory(subject, f"after-{boundary.name}", intermediates=intermediates)
        )


def it_answers_in_the_version_it_is_asked_in(subject: Subject) -> None:
    """Expect of each accepted version every answer in that version, be it good or bad."""
    request = replace(subject.request, interval=None)
    wrong = replace(request, dataflow="no_such_dataflow.v1")
    for version in wire.ACCEPTED:
        good, bad = (run(subject, encode(asked, version)) for asked in (request, wrong))
        for transcript in (good, bad):
            spoken = set(transcript.versions)
            expect(transcript, spoken == {version}, f"asked in {version}, it answers in {spoken}")
        expect_refusal(bad, wrong.dataflow)
        result_of(good)


def it_states_its_capabilities(subject: Subject) -> None:
    """Expect one answer to a `CapabilitiesRequest`: a runner that can serve the test's request."""
    transcript = run(subject, encode(CapabilitiesRequest()))
    first = transcript.answers[0] if transcript.answers else None
    if len(transcript.answers) != 1 or not isinstance(first, Capabilities):
        raise AssertionError(
            f"expected one `Capabilities`, got {len(transcript.answers)} answers, first {first!r}; "
            f"log:\n{transcript.log}"
        )
    expect(transcript, transcript.status == 0, "capabilities come with another status than 0")
    request, accepted = subject.request, first.protocol_versions
    expect(transcript, wire.VERSION in accepted, f"it claims protocol versions {accepted}")
    version = first.dataflows.get(request.dataflow)
    expect(
        transcript,
        version == request.contract_version,
        f"it claims {version!r} for the version of {request.dataflow!r}",
    )
    engines = sorted(first.engines)
    expect(transcript, request.engine.name in engines, f"it claims the engines {engines}")
    expect(transcript, "python" in first.libraries, "it does not state its version of Python")


def it_stops_with_the_platform(subject: Subject) -> None:
    """Expect no result once standard input has closed."""
    transcript = run(subject, hang_up=True)
    ended = any(isinstance(answer, RunResult) for answer in transcript.answers)
    expect(transcript, transcript.status != 0, "it goes on when the platform is gone")
    expect(transcript, not ended, "it sends a result when the platform is gone")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    it_ends_with_one_result,
    its_result_answers_the_request,
    its_files_are_as_claimed,
    its_tables_are_streams,
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
