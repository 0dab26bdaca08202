"""Chaos finds planted bugs, repeats a plan from its seed, and finds nothing in the product."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest
from integration.chaos.bugs import BUGS
from integration.chaos.plan import PARTITIONED, Plan
from integration.chaos.sampler import KINDS, draw_plan
from integration.chaos.sessions import Field, table
from integration.fork_server import ROOT

SEED = 20130101


def of(
    kind: str, *later: str, task: str = "", dataflow: str = "airport_days", **parts: str
) -> Callable[[Plan], bool]:
    """Accept fast plans of a kind, with these later actions and faults."""

    def wanted(plan: Plan) -> bool:
        cheap = plan.dataflow == dataflow and plan.start == plan.task
        fits = kind in plan.kind and plan.later[: len(later)] == later and task in plan.task
        beside = plan.beside in ("", "garbage-collection", "supersede", "another run")
        faults = all(words in str(getattr(plan, name)) for name, words in parts.items())
        return cheap and fits and beside and faults

    return wanted


KILLED = of("kill the task", task="publish")
ROLLED_BACK = partial(of, "rolled back months", dataflow=PARTITIONED)
MEANWHILE = of("a month meanwhile", dataflow=PARTITIONED)
FOUND_BY: Mapping[str, tuple[Callable[[Plan], bool], str]] = {
    "pointer-first": (KILLED, "is not whole|cannot be read|tried again without"),
    "no-checksum": (of("spoiled files"), "a spoiled file was accepted"),
    "green-without-result": (of("disk full", task="publish"), "called successful, and its release"),
    "leaves-process": (of("kill the runner"), "a process was left behind: sleep"),
    "moves-back": (of("", "roll back", "publish again", task="publish"), "was published 2 times"),
    "starts-from-head": (ROLLED_BACK("roll back"), "has another partition .* it followed"),
    "keeps-empty-months": (ROLLED_BACK("an empty month"), "has (the|another) partition 2013"),
    "loses-months": (MEANWHILE, "has another partition .* it followed"),
    "loses-part": (MEANWHILE, "has of its interval 2013-03"),
    "collects-too-much": (of("moved clocks", "garbage-collection"), "is not whole"),
    "half-documents": (of("at any time", task="publish"), "cannot be read|tried again"),
    "ignores-pins": (of("other work meanwhile", task="transform"), "an undisturbed run makes"),
    "leaves-lock": (KILLED, "left behind: lock"),
    "no-digest": (of("spoiled checkpoints", spoiled="flip"), "an undisturbed run makes"),
    "no-fingerprint": (of("spoiled checkpoints", spoiled="foreign"), "an undisturbed run makes"),
    "keeps-parts": (
        of("killed in the store", runner_fault="tear"),
        "abandoned long ago, was left behind",
    ),
}


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    field = Field()
    yield field
    shutil.rmtree(field.root)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(field: Field, bug: str) -> None:
    wanted, words = FOUND_BY[bug]
    session = field.carry_out(60, SEED, wanted=wanted, bug=bug, stop_at_first=True)
    assert not session.errors
    assert not session.passed
    problems = [problem for outcome in session.broken for problem in outcome.problems]
    assert any(re.search(words, problem) for problem in problems), problems


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_disturbance_is_survived(field: Field, kind: str) -> None:
    session = field.carry_out(2, SEED, wanted=lambda plan: plan.kind == kind)
    problems = [f"{outcome.plan}: {outcome.problems}" for outcome in session.broken]
    assert session.passed, "\n".join([*table(session), *session.errors, *problems])


def test_the_page_has_a_line_for_each_kind() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \*\*(.+?)\*\*: ", page, re.MULTILINE) == list(KINDS)


def test_one_seed_is_one_plan() -> None:
    plans = [draw_plan(seed) for seed in range(300)]
    assert [str(plan) for plan in plans] == [str(draw_plan(seed)) for seed in range(300)]
    assert len({str(plan).partition(":")[2] for plan in plans}) > 270
    assert {plan.kind for plan in plans} == set(KINDS)
