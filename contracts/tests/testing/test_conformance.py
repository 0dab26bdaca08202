from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Interval
from isthmus_contracts.protocol import (
    Answer,
    Capabilities,
    Graph,
    GraphNode,
    NodeFinished,
    NodeStarted,
    RunFailure,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
    encode,
    wire,
)
from isthmus_contracts.testing import conformance as kit
from isthmus_contracts.testing.conformance import CHECKS, Subject

A, B = NodeStarted(0.0, "a"), NodeFinished(0.0, "a", 0.0)
NODE_A = GraphNode("a", "function", "int", "", (), "a")
NODE_B = GraphNode("b", "function", "int", "", ("a",), "b")
GRAPH = Graph(0.0, (NODE_A,))
LATER_RUNNER = """
import sys

from isthmus_contracts.protocol import wire

wire.VERSION, wire.ACCEPTED = 2, (1, 2)
from isthmus_contracts.testing import runner

sys.exit(runner.main())
"""


def good_result(request: RunRequest, **changes: object) -> RunResult:
    result = RunResult(
        request.identity,
        request.dataflow,
        request.contract_version,
        "puppet",
        (StagedOutput("a", metrics={"x": 1.0}),),
    )
    return replace(result, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_stand_in_runner_conforms(
    check: Callable[[Subject], None], stand_in: Callable[..., Subject]
) -> None:
    check(stand_in())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_stand_in_runner_conforms_with_partitions(
    check: Callable[[Subject], None], months: Callable[..., Subject]
) -> None:
    check(months())


def test_checks_can_be_told_apart() -> None:
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
    assert all(check.__doc__ for check in CHECKS)
    defined = {name for name in vars(kit) if name.startswith(("it_", "its_"))}
    assert defined == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("silent", kit.it_ends_with_one_result, "the last answer is NodeStarted("),
        ("late-exit", kit.it_ends_with_one_result, "a result comes with another status than 0"),
        ("other-run", kit.its_result_answers_the_request, "it answers RunIdentity(run='another'"),
        ("unnamed", kit.its_result_answers_the_request, "its outputs are ['courier_scores', "),
        ("missing-file", kit.its_files_are_as_claimed, "nowhere.arrows is not a file"),
        ("wrong-digest", kit.its_files_are_as_claimed, "parcel_features.bin has digest "),
        ("link", kit.its_files_are_as_claimed, "parcel_features.bin is not a file"),
        ("outside", kit.its_files_are_as_claimed, "parcel_features.bin is outside"),
        ("stray", kit.its_files_are_as_claimed, "it leaves files that its result does not name: ["),
        (
            "other-format",
            kit.its_tables_are_streams,
            "parcel_features.bin is not an Arrow IPC stream",
        ),
        (
            "wrong-partition",
            kit.its_files_are_the_partitions_asked_for,
            "the files of 'parcel_features' name the partitions ['1900-01']",
        ),
    ],
)
def test_a_fault_is_found(
    stand_in: Callable[..., Subject], fault: str, check: Callable[[Subject], None], message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check(stand_in(fault))


COURIER_DAYS = "courier_days.v1"
FEBRUARY = StagedFile("courier_days/2013-02.arrows", 1, "0" * 64, 1, "2013-02")


@pytest.mark.parametrize(
    ("dataflow", "files"),
    [
        (COURIER_DAYS, (FEBRUARY, replace(FEBRUARY, partition="2013-04"))),
        (COURIER_DAYS, (replace(FEBRUARY, partition="2013"),)),
        (COURIER_DAYS, (replace(FEBRUARY, partition=None),)),
        (COURIER_DAYS, (FEBRUARY, FEBRUARY)),
        ("parcel_delays.v1", (FEBRUARY,)),
    ],
)
def test_a_wrong_partition_is_found(
    puppet: Callable[..., Subject], dataflow: str, files: tuple[StagedFile, ...]
) -> None:
    subject = puppet()
    interval = Interval(date(2013, 1, 1), date(2013, 4, 1))
    request = replace(subject.request, dataflow=dataflow, interval=interval)
    result = good_result(request, outputs=(StagedOutput("courier_days", files),))
    subject = replace(puppet(result), request=request)
    said = [file.partition for file in files]
    message = re.escape(f"the files of 'courier_days' name the partitions {said}")
    with pytest.raises(AssertionError, match=message):
        kit.its_files_are_the_partitions_asked_for(subject)


def test_without_an_interval_any_partition_will_do(puppet: Callable[..., Subject]) -> None:
    request = replace(puppet().request, dataflow=COURIER_DAYS)
    files = (FEBRUARY, replace(FEBRUARY, partition="1999-12"))
    result = good_result(request, outputs=(StagedOutput("courier_days", files),))
    kit.its_files_are_the_partitions_asked_for(replace(puppet(result), request=request))


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this side speak a version 2, which is not published yet, and version 1 as well."""
    monkeypatch.setattr(wire, "VERSION", 2)
    monkeypatch.setattr(wire, "ACCEPTED", (1, 2))


@pytest.mark.usefixtures("next_version")
def test_an_answer_in_another_version_than_the_request_is_found(
    puppet: Callable[..., Subject],
) -> None:
    with pytest.raises(AssertionError, match=r"asked in 1, it answers in \{2\}"):
        kit.it_answers_in_the_version_it_is_asked_in(puppet(A, B))


@pytest.mark.usefixtures("next_version")
def test_a_runner_that_serves_only_its_own_version_is_found(
    puppet: Callable[..., Subject],
) -> None:
    first = encode(RunFailure("request", "I serve no no_such_dataflow.v1"), 1) + "\n"
    with pytest.raises(AssertionError, match="the last answer is RunFailure"):
        kit.it_answers_in_the_version_it_is_asked_in(puppet(text=first, status=2))


@pytest.mark.usefixtures("next_version")
def test_the_stand_in_runner_answers_in_both_versions(
    stand_in: Callable[..., Subject], tmp_path: Path
) -> None:
    subject = stand_in()
    program = tmp_path / "later_runner.py"
    program.write_text(LATER_RUNNER, encoding="utf-8")
    command = (sys.executable, "-S", str(program), *subject.command[4:])
    later = replace(subject, command=command)
    kit.it_answers_in_the_version_it_is_asked_in(later)
    kit.it_states_its_capabilities(later)
    with pytest.raises(AssertionError, match=r"asked in 2, it answers in \{1\}"):
        kit.it_answers_in_the_version_it_is_asked_in(subject)


def able(request: RunRequest, **changes: object) -> Capabilities:
    known = {request.dataflow: request.contract_version}
    capabilities = Capabilities((1,), "puppet", known, {}, {"local": ()}, {"python": "3.11.7"})
    return replace(capabilities, **changes)  # type: ignore[arg-type]


def test_capabilities_that_fit_the_request_conform(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    kit.it_states_its_capabilities(puppet(able(small)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol_versions": (7,)}, "it claims protocol versions (7,)"),
        ({"dataflows": {}}, "it claims None for the version of 'parcel_delays.v1'"),
        ({"dataflows": {"parcel_delays.v1": "9.0.0"}}, "it claims '9.0.0' for the version of "),
        ({"engines": {"moon": ()}}, "it claims the engines ['moon']"),
        ({"libraries": {}}, "it does not state its version of Python"),
    ],
)
def test_capabilities_that_do_not_fit_the_request_are_found(
    puppet: Callable[..., Subject], small: RunRequest, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        kit.it_states_its_capabilities(puppet(able(small, **changes)))


def test_a_runner_that_does_not_state_its_capabilities_is_found(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    for answers in ((), (A,), (able(small), able(small)), (RunFailure("request", "no"),)):
        with pytest.raises(
            AssertionError, match=f"expected one `Capabilities`, got {len(answers)}"
        ):
            kit.it_states_its_capabilities(puppet(*answers))
    with pytest.raises(AssertionError, match="capabilities come with another status than 0"):
        kit.it_states_its_capabilities(puppet(able(small), status=1))


def test_a_runner_that_ignores_a_cut_is_found(puppet: Callable[..., Subject]) -> None:
    subject = puppet(GRAPH, A, B, good_result(puppet().request))
    subject = replace(subject, request=replace(subject.request, dataflow=COURIER_DAYS))
    with pytest.raises(AssertionError, match="the stage until 'courier_days' has outputs"):
        kit.it_stops_at_each_stage_boundary(subject)
    with pytest.raises(AssertionError, match="a refusal exits with 0"):
        kit.it_refuses_an_unknown_stage_boundary(subject)


def test_a_stage_whose_files_are_not_there_is_found(puppet: Callable[..., Subject]) -> None:
    file = StagedFile("a.checkpoint", 1, "0" * 64)
    stage = good_result(puppet().request, outputs=(), checkpoints=(file,))
    request = replace(puppet().request, dataflow=COURIER_DAYS)
    with pytest.raises(AssertionError, match=r"a\.checkpoint is not a file"):
        kit.it_stops_at_each_stage_boundary(replace(puppet(stage), request=request))


def test_a_puppet_that_answers_well_conforms(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    subject = puppet(GRAPH, A, B, good_result(small))
    for check in CHECKS[:6]:
        check(subject)


def test_two_results_are_found(puppet: Callable[..., Subject], small: RunRequest) -> None:
    result = good_result(small)
    with pytest.raises(AssertionError, match="2 ends instead of one"):
        kit.it_ends_with_one_result(puppet(GRAPH, A, B, result, result))


def test_a_result_for_another_dataflow_is_found(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    with pytest.raises(AssertionError, match=r"it answers for other\.v1"):
        kit.its_result_answers_the_request(puppet(good_result(small, dataflow="other.v1")))


def test_an_output_that_comes_twice_is_found(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    twice = good_result(small, outputs=good_result(small).outputs * 2)
    with pytest.raises(AssertionError, match=r"its outputs are \['a', 'a'\]"):
        kit.its_result_answers_the_request(puppet(twice))


def test_a_wrong_size_is_found(puppet: Callable[..., Subject], small: RunRequest) -> None:
    (Path(small.staging) / "a.bin").write_bytes(b"abc")
    file = StagedFile("a.bin", 4, hashlib.sha256(b"abc").hexdigest())
    result = good_result(small, outputs=(StagedOutput("a", (file,)),))
    with pytest.raises(AssertionError, match=r"a\.bin has 3 bytes"):
        kit.its_files_are_as_claimed(puppet(result))


def test_a_stray_link_is_found_although_it_leads_nowhere(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    (Path(small.staging) / "dangling").symlink_to("nowhere")
    with pytest.raises(
        AssertionError, match=r"it leaves files that its result does not name: .*dangling"
    ):
        kit.its_files_are_as_claimed(puppet(good_result(small)))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((), "it answers nothing"),
        ((A, GRAPH), "the first answer is NodeStarted("),
        ((GRAPH, A, GRAPH), "two graphs"),
        ((Graph(0.0, (NODE_B, NODE_A)),), "'b' stands before ['a']"),
        ((Graph(0.0, (replace(NODE_A, target=None),)),), "its targets are {None}"),
    ],
)
def test_a_wrong_graph_is_found(
    puppet: Callable[..., Subject], events: tuple[Answer, ...], message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        kit.it_announces_its_graph_first(puppet(*events))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((GRAPH, B), "'a' finishes unstarted"),
        ((GRAPH,), "started: []"),
        ((GRAPH, A, A, B), "started: ['a', 'a']"),
        ((GRAPH, A), "finished: []"),
        ((GRAPH, A, B, B), "finished: ['a', 'a']"),
        ((Graph(0.0, ()), A, B), "started: ['a']"),
    ],
)
def test_a_node_that_does_not_start_and_finish_once_is_found(
    puppet: Callable[..., Subject], events: tuple[Answer, ...], message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        kit.its_nodes_start_and_finish(puppet(*events))


def test_computing_more_than_was_asked_is_found(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    more = good_result(small, outputs=(StagedOutput("a"), StagedOutput("b")))
    with pytest.raises(AssertionError, match=r"asked for 'a', its outputs are \['a', 'b'\]"):
        kit.it_computes_only_what_is_asked(puppet(more))


REFUSALS = [check for check in CHECKS if check.__name__.startswith("it_refuses")]


@pytest.mark.parametrize("check", REFUSALS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (RunFailure("request", "no"), 0, "a refusal exits with 0"),
        (A, 1, "the last answer is NodeStarted("),
        (RunFailure("runner", "no"), 1, "the refusal is of kind 'runner'"),
        (RunFailure("request", "Sorry!"), 1, "'Sorry!' does not name '"),
    ],
)
def test_a_wrong_refusal_is_found(
    puppet: Callable[..., Subject],
    check: Callable[[Subject], None],
    answer: Answer,
    status: int,
    message: str,
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check(puppet(answer, status=status))


NONSENSE = kit.it_refuses_what_it_does_not_know


@pytest.mark.parametrize(
    ("words", "check", "missing"),
    [
        ("0.0.99 no_such_target no_such_param", NONSENSE, "dataflow"),
        ("no_such_dataflow no_such_target no_such_param", NONSENSE, "0.0.99"),
        ("no_such_dataflow 0.0.99 no_such_param", NONSENSE, "target"),
        ("no_such_dataflow 0.0.99 no_such_target", NONSENSE, "param"),
        ("no", kit.it_refuses_an_interval_for_which_it_cannot_run, "interval"),
        ("99 colour", kit.it_refuses_what_is_no_request, "hello"),
        ("hello colour", kit.it_refuses_what_is_no_request, "99"),
        ("hello 99", kit.it_refuses_what_is_no_request, "colour"),
    ],
)
def test_each_kind_of_nonsense_is_tried(
    puppet: Callable[..., Subject], words: str, check: Callable[[Subject], None], missing: str
) -> None:
    with pytest.raises(AssertionError, match=f"does not name '(no_such_)?{missing}'"):
        check(puppet(RunFailure("request", words), status=1))


def test_a_runner_that_outlives_the_platform_is_found(
    puppet: Callable[..., Subject], small: RunRequest
) -> None:
    with pytest.raises(AssertionError, match="it goes on when the platform is gone"):
        kit.it_stops_with_the_platform(puppet(GRAPH, A))
    with pytest.raises(AssertionError, match="it sends a result when the platform is gone"):
        kit.it_stops_with_the_platform(puppet(good_result(small), status=4))
