"""A runner under test: how it is started and asked, and what it answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import DataflowContract
from isthmus_contracts.errors import ProtocolError
from isthmus_contracts.protocol import (
    Answer,
    RunFailure,
    RunRequest,
    RunResult,
    answer_version,
    decode_answer,
    encode,
)
from isthmus_contracts.testing.sample_catalog import CATALOG


@dataclass(frozen=True, slots=True)
class Subject:
    """Say how the runner under test is started, and a request that it must fulfil.

    The request is for a dataflow of `catalog`, which the runner knows too.
    """

    command: tuple[str, ...]
    request: RunRequest
    environment: Mapping[str, str]
    timeout: float = 120
    catalog: Catalog = CATALOG

    @property
    def contract(self) -> DataflowContract:
        """Return the contract of the dataflow that is asked for."""
        return self.catalog.dataflow(self.request.dataflow)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold everything that a runner answered, and the protocol's version of each answer."""

    answers: tuple[Answer, ...]
    status: int
    log: str
    versions: tuple[int, ...] = ()


def run(subject: Subject, line: str | None = None, *, hang_up: bool = False) -> Transcript:
    """Start the runner, send it its request (or `line`), and return what it answered.

    `hang_up` closes its standard input at once, as a platform that dies does; then the last line
    may break off. Raise `AssertionError` for a line that is not an answer, and for a runner that
    does not exit in time.
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
            raise AssertionError(f"it has not exited after {subject.timeout} seconds") from None
        finally:
            process.kill()
    lines = output.split("\n")
    if not hang_up and lines[-1]:
        raise AssertionError(f"its last line has no end: {lines[-1]!r}; log:\n{log}")
    try:
        answers = tuple(decode_answer(line) for line in lines[:-1])
    except ProtocolError as error:
        raise AssertionError(
            f"it writes a line that is not an answer: {error}; log:\n{log}"
        ) from None
    versions = tuple(answer_version(line) for line in lines[:-1])
    return Transcript(answers, process.returncode, log, versions)


def _converse(process: subprocess.Popen[str], line: str, timeout: float) -> tuple[str, str]:
    if process.stdin is None:
        raise TypeError("the runner was started without a standard input")
    held, process.stdin = process.stdin, None  # `communicate` would close it
    with suppress(BrokenPipeError):  # the answers of a runner that died show what happened
        held.write(line + "\n")
        held.flush()
    try:
        return process.communicate(timeout=timeout)
    finally:
        with suppress(BrokenPipeError):
            held.close()


def expect(transcript: Transcript, condition: object, sentence: str) -> None:
    """Raise `AssertionError` with the sentence and the log unless the condition holds."""
    if not condition:
        raise AssertionError(f"{sentence}; status {transcript.status}, log:\n{transcript.log}")


def result_of(transcript: Transcript) -> RunResult:
    """Return the result that ends a transcript, or raise `AssertionError`."""
    last = transcript.answers[-1] if transcript.answers else None
    if not isinstance(last, RunResult):
        raise AssertionError(
            f"the last answer is {last!r}, expected a result; log:\n{transcript.log}"
        )
    return last


def expect_refusal(transcript: Transcript, *words: str) -> None:
    """Raise `AssertionError` unless it ends with a refusal that names these words."""
    last = transcript.answers[-1] if transcript.answers else None
    expect(transcript, transcript.status != 0, "a refusal exits with 0")
    if not isinstance(last, RunFailure):
        raise AssertionError(
            f"the last answer is {last!r}, expected a failure; log:\n{transcript.log}"
        )
    expect(transcript, last.kind == "request", f"the refusal is of kind {last.kind!r}")
    for word in words:
        expect(transcript, word in last.message, f"{last.message!r} does not name {word!r}")


def in_own_directory(
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
