"""The checks that every real runner must pass; each raises `AssertionError` with a sentence.

@pytest.mark.parametrize("check", CHECKS)
def test_runner_conforms(check, subject):
    check(subject)
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus_contracts.errors import ProtocolError
from isthmus_contracts.protocol import (
    Answer,
    Graph,
    NodeFinished,
    NodeStarted,
    RunFailure,
    RunRequest,
    RunResult,
    decode_answer,
    encode,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Say how the runner under test is started, and a request that it must fulfil."""

    command: tuple[str, ...]
    request: RunRequest
    environment: Mapping[str, str]
    timeout: float = 120


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold everything that a runner answered."""

    answers: tuple[Answer, ...]
    status: int
    log: str


def run(subject: Subject, line: str | None = None, *, hang_up: bool = False) -> Transcript:
    """Start the runner, send it its request (or `line`), and return what it answered.

    `hang_up` closes its standard input at once, as a platform that dies does; then the last line
    may break off. Raise `AssertionError` for a line that is no answer, and for one that never ends.
    """
    sent = line if line is not None else encode(subject.request)
    with subprocess.Popen(
        subject.command,
        env=dict(subject.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            if hang_up:
                output, log = process.communicate(sent + "\n", timeout=subject.timeout)
            else:
                output, log = _converse(process, sent, subject.timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended after {subject.timeout} seconds") from None
        finally:
            process.kill()
    lines = output.split("\n")
    if not hang_up and lines[-1]:
        raise AssertionError(f"its last line has no end: {lines[-1]!r}; log:\n{log}")
    try:
        answers = tuple(decode_answer(each) for each in lines[:-1])
    except ProtocolError as error:
        raise AssertionError(f"it writes a line that is no answer: {error}; log:\n{log}") from None
    return Transcript(answers, process.returncode, log)


def _converse(process: subprocess.Popen[str], line: str, timeout: float) -> tuple[str, str]:
    if process.stdin is None:
        raise TypeError("the runner was started without a standard input")
    held, process.stdin = process.stdin, None  # `communicate` would close it
    with suppress(BrokenPipeError):  # a runner that died unheard is judged by what it answered
        held.write(line + "\n")
        held.flush()
    try:
        return process.communicate(timeout=timeout)
    finally:
        with suppress(BrokenPipeError):
            held.close()


def _expect(transcript: Transcript, condition: object, sentence: str) -> None:
    if not condition:
        raise AssertionError(f"{sentence}; status {transcript.status}, log:\n{transcript.log}")


def _result(transcript: Transcript) -> RunResult:
    last = transcript.answers[-1] if transcript.answers else None
    if not isinstance(last, RunResult):
        raise AssertionError(f"the last answer is {last!r}, no result; log:\n{transcript.log}")
    return last


def _refused(transcript: Transcript, *words: str) -> None:
    last = transcript.answers[-1] if transcript.answers else None
    _expect(transcript, transcript.status != 0, "a refusal exits with 0")
    if not isinstance(last, RunFailure):
        raise AssertionError(f"the last answer is {last!r}, no failure; log:\n{transcript.log}")
    _expect(transcript, last.kind == "request", f"the refusal is of kind {last.kind!r}")
    for word in words:
        _expect(transcript, word in last.message, f"{last.message!r} does not name {word!r}")


def it_ends_with_one_result(subject: Subject) -> None:
    """Expect exit status 0 and one result, which is the last answer."""
    transcript = run(subject)
    _result(transcript)
    ends = [each for each in transcript.answers if isinstance(each, RunResult | RunFailure)]
    _expect(transcript, transcript.status == 0, "a result comes with another status than 0")
    _expect(transcript, len(ends) == 1, f"{len(ends)} ends instead of one")


def its_result_answers_the_request(subject: Subject) -> None:
    """Expect the identity, dataflow and targets of the request, each target once."""
    transcript = run(subject)
    result, request = _result(transcript), subject.request
    _expect(transcript, result.identity == request.identity, f"it answers {result.identity}")
    _expect(transcript, result.dataflow == request.dataflow, f"it answers for {result.dataflow}")
    names = sorted(each.name for each in result.outputs)
    _expect(transcript, names == sorted(request.targets), f"its outputs are {names}")


def its_files_are_as_claimed(subject: Subject) -> None:
    """Expect every file inside the spool, with its size and digest, and no stray beside them."""
    transcript = run(subject)
    spool = Path(subject.request.spool)
    files = [file for output in _result(transcript).outputs for file in output.files]
    for file in files:
        path = spool / file.path
        _expect(transcript, path.resolve().is_relative_to(spool.resolve()), f"{path} is outside")
        _expect(transcript, path.is_file() and not path.is_symlink(), f"{path} is no file")
        content = path.read_bytes()
        _expect(transcript, len(content) == file.bytes, f"{path} has {len(content)} bytes")
        digest = hashlib.sha256(content).hexdigest()
        _expect(transcript, digest == file.sha256, f"{path} has digest {digest}")
    strays = {each for each in spool.rglob("*") if each.is_symlink() or not each.is_dir()} - {
        spool / file.path for file in files
    }
    _expect(transcript, not strays, f"it leaves strays: {sorted(map(str, strays))}")


def it_announces_its_graph_first(subject: Subject) -> None:
    """Expect one graph, before everything else, each node after its dependencies."""
    transcript = run(subject)
    _expect(transcript, transcript.answers, "it answers nothing")
    first, *rest = transcript.answers
    if not isinstance(first, Graph):
        raise AssertionError(f"the first answer is {first!r}, no graph")
    _expect(transcript, not any(isinstance(each, Graph) for each in rest), "two graphs")
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
    names = [each.name for each in _result(transcript).outputs]
    _expect(transcript, names == [target], f"asked for {target!r}, its outputs are {names}")


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
        params = {**subject.request.params, name: "\N{SNOWMAN} is no value"}
        _refused(run(replace(subject, request=replace(subject.request, params=params))), name)


def it_refuses_a_missing_input(subject: Subject) -> None:
    """Expect a refusal, naming the input, for each input that is not given."""
    for name in subject.request.inputs:
        rest = {each: files for each, files in subject.request.inputs.items() if each != name}
        _refused(run(replace(subject, request=replace(subject.request, inputs=rest))), name)


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
    ended = any(isinstance(each, RunResult) for each in transcript.answers)
    _expect(transcript, transcript.status != 0, "it goes on when the platform is gone")
    _expect(transcript, not ended, "it sends a result when the platform is gone")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    it_ends_with_one_result,
    its_result_answers_the_request,
    its_files_are_as_claimed,
    it_announces_its_graph_first,
    its_nodes_start_and_finish,
    it_computes_only_what_is_asked,
    it_refuses_what_it_does_not_know,
    it_refuses_a_param_out_of_bounds,
    it_refuses_a_missing_input,
    it_refuses_what_is_no_request,
    it_stops_with_the_platform,
)
