"""Chaos finds bugs that are planted, repeats a plan from its seed, and finds nothing else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from . import moments
from .bugs import BUGS
from .kinds import KINDS, draw
from .orders import Trap
from .plans import Plan
from .sessions import Field, table
from .spans import PARTITIONED
from .stores import PYTHON, STRUCK
from .zygote import ROOT

SEED = 20130101
Wanted = Callable[[Plan], bool]


def of(kind: str, *later: str, task: str = "", dataflow: str = "airport_days") -> Wanted:
    """Want plans of a kind, cheap ones, after which something is done."""

    def wanted(plan: Plan) -> bool:
        cheap = plan.dataflow == dataflow and plan.start == plan.task
        fits = plan.kind == kind and plan.later[: len(later)] == later and task in plan.task
        return (
            cheap
            and fits
            and plan.beside in (None, "garbage-collection", "supersede", "another run")
        )

    return wanted


def spoiling(deed: str) -> Wanted:
    """Want cheap plans that spoil a checkpoint in this way."""
    cheap = of("spoiled checkpoints")
    return lambda plan: cheap(plan) and plan.spoiled == deed


def tearing(plan: Plan) -> bool:
    """Want cheap plans that kill a runner in the middle of a checkpoint's bytes."""
    trap = plan.runner_trap
    return of("killed in the store")(plan) and trap is not None and trap.deed == "tear"


FOUND_BY: Mapping[str, tuple[Wanted, str]] = {
    "pointer-first": (of("kill the task", task="publish"), "is not whole|cannot be read"),
    "no-checksum": (of("spoiled files"), "a spoiled file was accepted"),
    "green-without-result": (of("disk full", task="publish"), "called successful, and its release"),
    "leaves-process": (of("kill the runner"), "a process was left behind: sleep"),
    "moves-back": (
        of("kill the task", "roll back", "publish again", task="publish"),
        "was published 2 times",
    ),
    "starts-from-head": (
        of("rolled back months", "roll back", dataflow=PARTITIONED),
        "has another partition .* it followed",
    ),
    "keeps-empty-months": (
        of("rolled back months", "an empty month", dataflow=PARTITIONED),
        "has the partition 2013-12 of run",
    ),
    "loses-months": (
        of("a month meanwhile", dataflow=PARTITIONED),
        "has another partition .* it followed",
    ),
    "loses-part": (of("a month meanwhile", dataflow=PARTITIONED), "has of its interval 2013-03"),
    "cleans-too-much": (of("moved clocks", "garbage-collection"), "is not whole"),
    "half-documents": (of("kill the task", task="publish"), "cannot be read|tried again"),
    "ignores-pins": (of("other work meanwhile", task="transform"), "an undisturbed run makes"),
    "leaves-lock": (of("kill the task", task="publish"), "left behind: lock"),
    "no-digest": (spoiling("flip"), "an undisturbed run makes"),
    "no-fingerprint": (spoiling("foreign"), "an undisturbed run makes"),
    "keeps-parts": (tearing, "abandoned long ago, was left behind"),
}


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    """Run everything once without a disturbance."""
    field = Field.prepare()
    yield field
    field.remove(keep=False)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(field: Field, bug: str) -> None:
    wanted, words = FOUND_BY[bug]
    session = field.carry_out(60, SEED, wanted=wanted, bug=bug, stop_at_first=True)
    assert not session.faults
    assert not session.passed
    problems = [problem for each in session.broken for problem in each.problems]
    assert any(re.search(words, each) for each in problems), problems


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_disturbance_is_survived(field: Field, kind: str) -> None:
    session = field.carry_out(2, SEED, wanted=lambda plan: plan.kind == kind)
    problems = [f"{each.plan}: {each.problems}" for each in session.broken]
    assert session.passed, "\n".join([*table(session), *session.faults, *problems])


def test_the_page_has_a_line_for_each_kind() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \*\*(.+?)\*\*: ", page, re.MULTILINE) == list(KINDS)


def test_one_seed_is_one_plan() -> None:
    assert [str(draw(each)) for each in range(300)] == [str(draw(each)) for each in range(300)]
    assert len({str(draw(each)).split("  ", 1)[1] for each in range(300)}) > 270
    assert {draw(each).kind for each in range(300)} == set(KINDS)


@pytest.mark.parametrize("task", moments.OF_TASK)
def test_each_place_is_there(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    from . import traps  # noqa: PLC0415 - Airflow reads its settings when it is imported

    for place in moments.OF_TASK[task]:
        owner, name = traps.find(Trap(f"isthmus_platform.{place}", 1, "before").place)
        assert callable(getattr(owner, name))


def test_each_place_in_the_store_of_checkpoints_is_there() -> None:
    program = "import sys, struck_runner\nfor each in sys.argv[1:]: struck_runner.find(each)"
    command = [PYTHON, "-c", program, *moments.SAVE, *moments.LOAD]
    subprocess.run(command, cwd=Path(STRUCK).parent, check=True)
