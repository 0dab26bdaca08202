"""Processes die, runners are wrong, files are cut: a successful run is published, and whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from conftest import FLIGHT_DELAYS, TRANSFORMS_PYTHON, Airflow, eventually
from invariants import Content, Published, lake_of, left_behind, processes_of, published

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.local_airflow.models import Run
from isthmus_platform.local_airflow.shutdown import stop

Edit = Callable[..., tuple[str, str]]
AIRPORT_DAYS = "airport_days.v1"
RETRIES = (("retries = 0", "retries = 1"), ("retry_delay_seconds = 5", "retry_delay_seconds = 0"))
COMMAND = 'command = ["${ISTHMUS_TRANSFORMS_PYTHON}", "-m", "isthmus_transforms.runner"]'
FAULTY_RUNNER = Path(__file__).parent / "faults" / "faulty_runner.py"
DAYS = "dataflows/airport_days/days.py"
DONE = {"ingest": "success", "transform": "success", "publish": "success"}


@dataclass(frozen=True)
class Node:
    """Hold the processes of a run whose runner is in the middle of a node, with one of its own."""

    run: str
    task_supervisor: psutil.Process
    task: psutil.Process
    supervisor: psutil.Process
    runner: psutil.Process
    child: psutil.Process


@dataclass(frozen=True)
class Case:
    """Hold what a dataflow had published before a case, and what an undisturbed run makes of it.

    `left_before` is what runs of other tests, which no attempt followed, have left behind.
    """

    airflow: Airflow
    dag: str
    before: Published
    undisturbed: Content
    left_before: frozenset[str]

    def start(self, *changes: tuple[str, str]) -> str:
        """Start a run with a deployment that is changed so."""
        self.airflow.deploy(*RETRIES, *changes)
        return self.airflow.client.trigger(self.dag)

    def stop_at(self, event: str, pattern: str) -> tuple[str, psutil.Process]:
        """Start a run, and return it with its task's process, which this event has stopped."""
        place = self.airflow.state / "breakpoints"
        (place / "wanted").write_text(f"{event}\n{pattern}")
        run = self.start()
        assert eventually(lambda: any(place.glob("stopped.*")), self.airflow.up.check)
        (stopped,) = place.glob("stopped.*")
        stopped.unlink()
        return run, psutil.Process(int(stopped.suffix[1:]))

    def enter_node(self, edit: Edit) -> Node:
        """Start a run whose node never ends, with a child in a session of its own.

        The deployment is valid again, for the next attempt.
        """
        line = "    return by_day.merge("
        endless = '__import__("subprocess").run(["sleep", "600"], start_new_session=True)'
        run = self.start(edit(DAYS, line, f"    {endless}\n{line}"))

        def children() -> list[psutil.Process]:
            return [
                process for process in processes_of(self.airflow.state) if process.name() == "sleep"
            ]

        assert eventually(lambda: bool(children()), self.airflow.up.check)
        self.airflow.deploy(*RETRIES)
        (child,) = children()
        runner, supervisor, task, task_supervisor = child.parents()[:4]
        assert TRANSFORMS_PYTHON.samefile(runner.cmdline()[0])
        return Node(run, task_supervisor, task, supervisor, runner, child)

    def end(self, run: str) -> Run:
        """Return a run when it has ended."""
        client = self.airflow.client
        assert eventually(lambda: client.run(self.dag, run).finished, self.airflow.up.check), (
            client.tasks(self.dag, run)
        )
        return client.run(self.dag, run)

    def succeeds(self, run: str, *, second: str) -> None:
        """Expect that the second attempt of a task succeeds, with an undisturbed result."""
        found = self.end(run)
        assert self.airflow.states(found) == DONE
        attempts = {task.id: task.try_number for task in self.airflow.client.tasks(self.dag, run)}
        assert attempts == dict.fromkeys(DONE, 1) | {second: 2}
        after = self.now()
        (release,) = after.of_run(run)
        assert after.moves == (*self.before.moves, release)
        assert after.contents[release] == self.undisturbed

    def fails(self, run: str, words: str) -> None:
        """Expect transform to fail with these words, and nothing to be published."""
        found = self.end(run)
        states = self.airflow.states(found)
        assert states == DONE | {"transform": "failed", "publish": "upstream_failed"}
        log = self.airflow.log(found, "transform")
        assert words in log, log
        assert self.now() == self.before

    def now(self) -> Published:
        """Return all that the dataflow has published."""
        return published(lake_of(self.airflow.state), CATALOG.dataflow(self.dag))

    def check(self) -> None:
        """Check the invariants of every case."""
        now = self.now()
        for release, content in self.before.contents.items():
            assert now.contents[release] == content, f"release {release} has changed"
        assert now.moves[: len(self.before.moves)] == self.before.moves
        states = {run.id: run.state for run in self.airflow.client.runs(self.dag)}
        for run, state in states.items():
            assert state != "success" or now.of_run(run), f"{run} has published nothing"
        assert now.current
        assert states[now.runs[now.current]] == "success"
        assert eventually(lambda: not self.left()), self.left()

    def left(self) -> set[str]:
        """Return what the case has left behind until now."""
        return {*left_behind(self.airflow.state)} - self.left_before


@pytest.fixture(autouse=True)
def deployed() -> None:
    """Replace the fixture of conftest, so that Airflow reads no other file between two tests."""


@pytest.fixture(scope="module")
def undisturbed(airflow: Airflow) -> Iterator[dict[str, Content]]:
    """Return what undisturbed runs make, by dataflow; a task is tried twice in this module."""
    airflow.deploy(*RETRIES)
    for dag in (FLIGHT_DELAYS, AIRPORT_DAYS):
        airflow.reread(dag, "retries", 1)
    flights = airflow.run(FLIGHT_DELAYS)
    yield {run.dag: made_by(airflow, run) for run in (flights, triggered_by(airflow, flights))}
    airflow.deploy()
    for dag in (FLIGHT_DELAYS, AIRPORT_DAYS):
        airflow.reread(dag, "retries", 0)


@pytest.fixture
def case(
    airflow: Airflow, undisturbed: dict[str, Content], request: pytest.FixtureRequest
) -> Iterator[Case]:
    """Give a case, by default of airport_days, and check the invariants in the end."""
    dag = getattr(request, "param", AIRPORT_DAYS)
    before = published(lake_of(airflow.state), CATALOG.dataflow(dag))
    left_before = frozenset(left_behind(airflow.state))
    found = Case(airflow, dag, before, undisturbed[dag], left_before)
    yield found
    found.check()


def made_by(airflow: Airflow, run: Run) -> Content:
    """Return the content of the release that a run has published."""
    assert run.state == "success", airflow.states(run)
    found = published(lake_of(airflow.state), CATALOG.dataflow(run.dag))
    (release,) = found.of_run(run.id)
    return found.contents[release]


def triggered_by(airflow: Airflow, run: Run) -> Run:
    """Return the run of airport_days that one of flight_delays has triggered, when it has ended."""

    def follower() -> Run | None:
        (event,) = airflow.client.asset_events(run.dag, run.id)
        return next(
            (
                airflow.client.run(dag, run_id)
                for dag, run_id in event.triggered
                if dag == AIRPORT_DAYS
            ),
            None,
        )

    def is_done() -> bool:
        found = follower()
        return found is not None and found.finished

    assert eventually(is_done, airflow.up.check)
    found = follower()
    assert found
    return found


def test_the_runner_is_killed(case: Case, edited_transforms: Edit) -> None:
    node = case.enter_node(edited_transforms)
    node.runner.kill()
    case.succeeds(node.run, second="transform")
    assert "was ended by signal 9" in case.airflow.log(case.end(node.run), "transform")


def test_the_supervisor_is_killed(case: Case, edited_transforms: Edit) -> None:
    node = case.enter_node(edited_transforms)
    node.supervisor.kill()
    case.succeeds(node.run, second="transform")


@pytest.mark.parametrize("case", [FLIGHT_DELAYS], indirect=True)
def test_ingest_is_killed(case: Case) -> None:
    run, task = case.stop_at("open", "*/sources/nyc_flights/weather/*.parquet")
    task.kill()
    case.succeeds(run, second="ingest")
    triggered_by(case.airflow, case.end(run))


def test_transform_is_killed(case: Case, edited_transforms: Edit) -> None:
    node = case.enter_node(edited_transforms)
    node.task.kill()
    case.succeeds(node.run, second="transform")


def test_publish_is_killed_before_the_move(case: Case) -> None:
    run, task = case.stop_at("os.link", "*/airport_days/v1/pointers/*")
    assert case.now() == case.before
    task.kill()
    case.succeeds(run, second="publish")


def test_publish_is_killed_after_the_move(case: Case) -> None:
    run, task = case.stop_at("os.remove", "*/airport_days/v1/pointers/*")
    (release,) = case.now().of_run(run)
    assert case.now().current == release
    task.kill()
    case.succeeds(run, second="publish")


def test_the_task_supervisor_is_killed(case: Case, edited_transforms: Edit) -> None:
    node = case.enter_node(edited_transforms)
    node.task_supervisor.kill()
    _, alive = psutil.wait_procs([node.task, node.supervisor, node.runner, node.child], timeout=10)
    assert not alive
    case.succeeds(node.run, second="transform")


def test_the_scheduler_is_killed(case: Case, edited_transforms: Edit) -> None:
    node = case.enter_node(edited_transforms)
    scheduler = case.airflow.up.components.processes["scheduler"]
    scheduler.kill()
    scheduler.wait()
    assert node.runner.is_running()
    case.airflow.replace_scheduler()
    case.succeeds(node.run, second="transform")
    stop([scheduler.pid])


def test_a_run_is_cleared(case: Case, edited_transforms: Edit) -> None:
    client = case.airflow.client
    run = case.start()
    assert case.end(run).state == "success"
    once = case.now()
    client.clear(case.dag, run, ["publish"])
    assert case.end(run).state == "success"
    assert case.now() == once
    client.clear(case.dag, run, ["transform"])
    assert case.end(run).state == "success"
    anew = case.now()
    second, first = anew.of_run(run)
    assert anew.moves == (*once.moves, second)
    assert anew.contents[second] == anew.contents[first] == case.undisturbed

    worst_first = "ascending=[True, True, False, True]"
    edited = edited_transforms(DAYS, worst_first, worst_first.replace("False", "True"))
    case.airflow.deploy(*RETRIES, edited)
    client.clear(case.dag, run, ["transform"])
    assert case.end(run).state == "success"
    twice = case.now()
    changed, *same = twice.of_run(run)
    assert same == [second, first]
    assert twice.moves == (*anew.moves, changed)
    assert twice.contents[changed] != case.undisturbed


def test_two_runs_publish_at_once(case: Case) -> None:
    overtaken, task = case.stop_at("os.link", "*/airport_days/v1/pointers/*")
    second = case.start()
    assert case.end(second).state == "success"
    task.resume()
    assert case.end(overtaken).state == "success"
    after = case.now()
    order = (*after.of_run(second), *after.of_run(overtaken))
    assert after.moves == (*case.before.moves, *order)
    assert [after.contents[release] for release in order] == [case.undisturbed] * 2


def test_the_runner_sends_a_wrong_result(case: Case) -> None:
    (file, *_) = (case.airflow.state / "lake").glob("dataflows/airport_days/v1/tables/*/*.parquet")
    for fault, words in {
        "missing file": "'days.arrows' is not a file in it",
        "wrong row count": "rows; the result says",
        f"another's file={file}": "'days.arrows' is a link",
    }.items():
        faulty = f'["${{ISTHMUS_TRANSFORMS_PYTHON}}", "{FAULTY_RUNNER}", "{fault}", '
        # Else the kernel refuses the link before acceptance does.
        changed = f'{COMMAND.replace("[", faulty, 1)}\nwritable = ["{file.parent}"]'
        case.fails(case.start((COMMAND, changed)), words)


def test_a_staged_file_is_cut_short(case: Case) -> None:
    run, task = case.stop_at("os.scandir", "*/staging")
    (staged,) = (case.airflow.state / "runs/work").glob("airport_days.v1/*/*/staging/days.arrows")
    os.truncate(staged, staged.stat().st_size // 2)
    task.resume()
    case.fails(run, "the result says ")
