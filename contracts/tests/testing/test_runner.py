from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Interval
from isthmus_contracts.protocol import (
    Graph,
    NodeFailed,
    RunFailure,
    RunResult,
    StagedFile,
    encode,
)
from isthmus_contracts.testing.conformance import Subject, Transcript, run
from isthmus_contracts.testing.runner import FAULTS


def result_of(transcript: Transcript) -> RunResult:
    last = transcript.answers[-1]
    assert isinstance(last, RunResult), transcript.log
    return last


def first_file(transcript: Transcript) -> StagedFile:
    return result_of(transcript).outputs[0].files[0]


def ends(transcript: Transcript) -> list[RunResult | RunFailure]:
    return [answer for answer in transcript.answers if isinstance(answer, RunResult | RunFailure)]


def test_without_a_fault_it_stages_what_was_prepared(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in()
    transcript = run(subject)
    assert (transcript.status, transcript.log) == (0, "")
    staged = {output.name: output for output in result_of(transcript).outputs}
    assert tuple(staged) == subject.request.targets
    for output in staged.values():
        for file in output.files:
            content = (Path(subject.request.staging) / file.path).read_bytes()
            assert output.name.encode() in content
            assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert staged["delay_metrics"].files == ()
    assert staged["delay_metrics"].metrics
    assert staged["parcel_features"].metrics is None


def test_silent_exits_with_0_and_sends_no_result(stand_in: Callable[..., Subject]) -> None:
    transcript = run(stand_in("silent"))
    assert transcript.status == 0
    assert not ends(transcript)


def test_garbage_writes_a_line_that_is_no_message(stand_in: Callable[..., Subject]) -> None:
    with pytest.raises(AssertionError, match="not a JSON object: 'Traceback"):
        run(stand_in("garbage"))


def test_raising_reports_a_node_that_raised(stand_in: Callable[..., Subject]) -> None:
    transcript = run(stand_in("raising"))
    failed, failure = transcript.answers[-2:]
    assert isinstance(failed, NodeFailed)
    assert isinstance(failure, RunFailure)
    assert failure.kind == "dataflow"
    assert failure.node == failed.node == "parcel_features"
    assert failure.message == failed.error == "ZeroDivisionError: division by zero"
    assert transcript.status == 1


def test_crash_dies_without_a_word(stand_in: Callable[..., Subject]) -> None:
    transcript = run(stand_in("crash"))
    assert transcript.status == 7
    assert not ends(transcript)
    assert transcript.log == ""


def children(parent: int) -> list[int]:
    stats = [path.read_text(encoding="utf-8") for path in Path("/proc").glob("[0-9]*/stat")]
    parents = {int(stat.split()[0]): int(stat.rpartition(")")[2].split()[1]) for stat in stats}
    return [child for child, pid in parents.items() if pid == parent]


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for the child in /proc")
def test_hanging_never_ends_and_neither_does_its_child(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("hanging")
    with subprocess.Popen(
        subject.command,
        env=dict(subject.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(encode(subject.request) + "\n")
            process.stdin.flush()
            deadline = time.monotonic() + 20
            while not (found := children(process.pid)) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(found) == 1
            assert process.poll() is None
            process.kill()
            process.wait()
            os.kill(found[0], 0)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_late_exit_sends_a_result_and_exits_with_3(stand_in: Callable[..., Subject]) -> None:
    transcript = run(stand_in("late-exit"))
    assert result_of(transcript).outputs
    assert transcript.status == 3


def test_missing_file_names_a_file_that_is_not_there(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("missing-file")
    assert not (Path(subject.request.staging) / first_file(run(subject)).path).exists()


def test_wrong_digest_claims_another_digest(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("wrong-digest")
    file = first_file(run(subject))
    content = (Path(subject.request.staging) / file.path).read_bytes()
    assert file.bytes == len(content)
    assert file.sha256 != hashlib.sha256(content).hexdigest()


def test_link_stages_a_link_to_a_true_copy(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("link")
    file = first_file(run(subject))
    path = Path(subject.request.staging) / file.path
    assert path.is_symlink()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_outside_names_a_true_file_outside_the_staging(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("outside")
    file = first_file(run(subject))
    path = (Path(subject.request.staging) / file.path).resolve()
    assert path.parent == Path(subject.request.staging).resolve().parent
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_other_run_answers_for_another_run(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("other-run")
    identity = result_of(run(subject)).identity
    assert identity == replace(subject.request.identity, run="another")
    assert identity != subject.request.identity


def test_unnamed_leaves_an_output_out(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("unnamed")
    named = tuple(output.name for output in result_of(run(subject)).outputs)
    assert named == subject.request.targets[1:]


def test_stray_leaves_a_file_that_nobody_named(stand_in: Callable[..., Subject]) -> None:
    subject = stand_in("stray")
    outputs = result_of(run(subject)).outputs
    named = {file.path for output in outputs for file in output.files}
    assert {path.name for path in Path(subject.request.staging).iterdir()} - named == {
        "stray.arrows"
    }


def test_wrong_partition_names_one_that_is_not_asked_for(months: Callable[..., Subject]) -> None:
    assert first_file(run(months("wrong-partition"))).partition == "1900-01"


def test_other_format_stages_no_stream_and_claims_what_it_is(
    stand_in: Callable[..., Subject],
) -> None:
    subject = stand_in("other-format")
    file = first_file(run(subject))
    content = (Path(subject.request.staging) / file.path).read_bytes()
    assert not content.startswith(b"\xff")
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def staged_parts(transcript: Transcript) -> dict[str | None, str]:
    (output,) = result_of(transcript).outputs
    return {file.partition: file.path for file in output.files}


def test_of_a_partitioned_table_it_stages_the_parts_of_the_interval(
    months: Callable[..., Subject],
) -> None:
    subject = months()
    staging = Path(subject.request.staging)
    parts = staged_parts(run(subject))
    assert parts == {name: f"courier_days/{name}.arrows" for name in ("2013-01", "2013-02")}
    assert b"2013-01" in (staging / parts["2013-01"]).read_bytes()
    assert sorted(path.name for path in staging.rglob("*.*")) == [
        "2013-01.arrows",
        "2013-02.arrows",
    ]


def test_without_an_interval_it_stages_every_part(months: Callable[..., Subject]) -> None:
    subject = months()
    whole = replace(subject, request=replace(subject.request, interval=None))
    assert list(staged_parts(run(whole))) == ["2012-12", "2013-01", "2013-02", "2013-04"]


def test_an_interval_without_rows_is_staged_as_no_file(months: Callable[..., Subject]) -> None:
    subject = months()
    march = Interval(date(2013, 3, 1), date(2013, 4, 1))
    transcript = run(replace(subject, request=replace(subject.request, interval=march)))
    assert staged_parts(transcript) == {}
    assert not list(Path(subject.request.staging).iterdir())


def stage_of(subject: Subject, stop_at: str = "parcel_features") -> Subject:
    kept = str(Path(subject.request.staging).parent / "kept")
    return replace(subject, request=replace(subject.request, stop_at=stop_at, checkpoints=kept))


def test_a_stage_has_one_file_that_names_the_cut(stand_in: Callable[..., Subject]) -> None:
    subject = stage_of(stand_in())
    result = result_of(run(subject))
    assert result.outputs == ()
    (file,) = result.checkpoints
    content = (Path(subject.request.staging) / file.path).read_bytes()
    assert content == b"what is known at parcel_features"
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_a_fault_meets_a_stage_too(stand_in: Callable[..., Subject]) -> None:
    (file,) = result_of(run(stage_of(stand_in("wrong-digest")))).checkpoints
    assert file.sha256 == "0" * 64


@pytest.mark.parametrize("fault", ["wrong-digest", "outside"])
def test_a_lie_about_a_file_needs_no_file_in_the_first_output(
    stand_in: Callable[..., Subject], fault: str
) -> None:
    subject = stand_in(fault)
    targets = ("delay_metrics", "model_card")
    transcript = run(replace(subject, request=replace(subject.request, targets=targets)))
    assert [output.name for output in result_of(transcript).outputs] == list(targets)


def test_every_fault_has_a_test() -> None:
    tests = {name.removeprefix("test_").replace("_", "-") for name in globals()}
    for fault in FAULTS:
        assert any(test.startswith(f"{fault}-") for test in tests), fault


def test_an_output_that_was_not_prepared_is_told_in_the_log(
    stand_in: Callable[..., Subject],
) -> None:
    subject = stand_in()
    request = replace(subject.request, targets=("joined_parcels",))
    transcript = run(replace(subject, request=request))
    assert transcript.status == 1
    assert "no prepared output 'joined_parcels' in " in transcript.log


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataflow": "x.v1"}, "unknown dataflow 'x.v1'; known: 'parcel_delays.v1', "),
        ({"targets": ["x"]}, "unknown target 'x'; known: 'parcel_features', "),
        ({"params": {"seed": -1}}, "param 'seed' is -1; allowed: integer from 0 to 2147483647"),
        (
            {"interval": {"start": "2013-01-01", "end": "2013-02-01"}},
            "dataflow 'parcel_delays' has no partitioned output, so it runs for no interval",
        ),
        ({"inputs": {}}, "unknown input 'parcels'; known: none"),
    ],
)
def test_a_refusal_says_why(
    stand_in: Callable[..., Subject], change: dict[str, object], message: str
) -> None:
    subject = stand_in()
    line = json.dumps({**json.loads(encode(subject.request)), **change})
    transcript = run(subject, line)
    (failure,) = transcript.answers
    assert isinstance(failure, RunFailure)
    assert failure.kind == "request"
    assert failure.message.startswith(message)
    assert transcript.status == 2


def test_it_stops_with_4_when_the_platform_is_gone(stand_in: Callable[..., Subject]) -> None:
    transcript = run(stand_in(), hang_up=True)
    assert transcript.status == 4
    assert not ends(transcript)
    assert all(isinstance(answer, Graph) for answer in transcript.answers[:1])
