"""One case: a plan carried out on a copy of a template, the recovery, and what must hold."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import disks, invariants, lakes
from .invariants import Ledger
from .orders import FAILED, REFUSED, SUCCESS, Trap, xcom
from .plans import Plan
from .scheduler import Disturbance, Scheduler
from .spans import AFTERWARDS
from .stores import Store
from .templates import PARAMS, Templates
from .zygote import Zygote

_HARMLESS = ("events twice",)
_ALONE_SECONDS = 60.0


@dataclass
class Outcome:
    """Say how a case went: whether it was disturbed, how the run recovered, what is wrong."""

    plan: Plan
    folder: Path
    struck: bool = False
    recovery: str = ""
    problems: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    checkpoints: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Case:
    """Carry out one plan in a folder of its own."""

    def __init__(
        self, plan: Plan, templates: Templates, zygote: Zygote, folder: Path, bug: str | None = None
    ) -> None:
        self.plan, self.templates, self.zygote, self.folder = plan, templates, zygote, folder
        self.outcome = Outcome(plan, folder)
        self.scheduler = Scheduler(folder, zygote, plan.dataflow, PARAMS[plan.dataflow], bug)
        self.ledger = Ledger(self.scheduler.claims)
        self.store = Store(plan, templates.kept.get(plan.dataflow), folder)
        self._chance = random.Random(plan.seed)  # noqa: S311 - no secret
        self.before, *_, self.first = templates.before[plan.dataflow]
        (self.other_input, *_) = reversed(templates.before["flight_delays"])
        self.may_be_current: set[str] = set()

    def carry_out(self) -> Outcome:
        """Disturb, recover, go on, and look; the folder stays where all is not well."""
        start = time.monotonic()
        try:
            self._prepare()
            ended = self._disturb()
            self._look()
            self._lift()
            if self._recover(*ended):
                for each in self.plan.later:
                    if not self.outcome.problems:  # what is broken may not even be readable
                        self._go_on(each)
                self._settle()
                self._look()
                if not self.outcome.problems:
                    self._check_current()
        finally:
            self._tidy()
        self.outcome.seconds = time.monotonic() - start
        if not self.outcome.problems:
            shutil.rmtree(self.folder)
        return self.outcome

    def _prepare(self) -> None:
        plan, folder = self.plan, self.folder
        self.templates.copy(plan.dataflow, plan.start, folder)
        self.scheduler.attempts = self.templates.attempts[plan.dataflow, plan.start].copy()
        self.scheduler.clocks = dict(plan.clocks)
        if plan.clocks:
            lakes.age(folder, -plan.clocks["files"] / 24)
        self.templates.deploy(folder, plan.lie, kept=bool(plan.kept), trap=plan.runner_trap)
        self.store.prepare()
        if plan.full:
            disks.fill(folder / plan.full.disk, plan.full.kilobytes)
        if plan.closed:
            (folder / plan.closed).mkdir(parents=True, exist_ok=True)
            (folder / plan.closed).chmod(0o555)
            self.scheduler.obeys_modes = True
        if plan.truncated:
            said = json.loads(xcom(folder, plan.main, "transform").read_text())
            parts = said if isinstance(said, list) else [said]
            outputs = [each for part in parts for each in part["outputs"]]
            files = [file["path"] for output in outputs for file in output["files"]]
            path = folder / "lake" / self._chance.choice(files)
            os.truncate(path, self._chance.randrange(path.stat().st_size))

    def _disturb(self) -> tuple[str, int]:
        """Run until the run ends, well or not; return its last task and that task's status."""
        plan = self.plan
        meanwhile = self._meanwhile if plan.beside else None
        by = Disturbance(plan.trap, plan.blow, meanwhile, plan.seed)
        other: list[int] = []

        def run_other(after: float) -> None:
            time.sleep(after)
            _, status = self.scheduler.run(plan.other, plan.start, retries=1)
            other.append(status)

        thread = None
        if plan.second_after is not None:
            thread = threading.Thread(target=run_other, args=(plan.second_after,))
            thread.start()
        ended = self.scheduler.run(plan.main, plan.start, disturbed=plan.task, by=by)
        if thread is not None:
            thread.join()
            if other != [SUCCESS]:
                self._blame("the run beside failed, undisturbed")
        failed = ended[1] != SUCCESS
        lasting = bool(plan.lie or plan.full or plan.closed or plan.truncated)
        self.outcome.struck = (
            self.store.was_struck()
            or self.scheduler.struck
            or (lasting and (failed or plan.lie in _HARMLESS))
            or bool(plan.clocks)
            or thread is not None
        )
        if not failed and self.store.killed:
            self._blame("the runner was killed, and the run went on")
        if failed and plan.spares_run:
            self._blame("the run failed, and only its checkpoints were disturbed")
        if not failed and (plan.lie or plan.truncated) and plan.lie not in _HARMLESS:
            self._blame(f"it was believed: {plan.lie or 'a truncated file'}")
        if not failed and plan.kind == "spoiled files" and self.scheduler.struck:
            self._blame("a spoiled file was accepted")
        return ended

    def _meanwhile(self) -> None:
        """Do what happens beside the run while a trap holds one of its tasks."""
        match self.plan.beside:
            case "publish twice":
                status = self.scheduler.attempt(self.plan.main, "publish")
                self._expect("publishing a second time at once", status)
            case "another run":
                self._run_other()
            case "roll back":
                self._roll_back(self.before)
            case "roll back further":
                self._roll_back(self.first)
            case "supersede":
                status = self.scheduler.command("rollback", self.other_input, "flight_delays")
                self._expect("giving another input", status)
            case "garbage-collection":
                self._clean(lakes.KEEP_DAYS)
            case "clean everything":
                self._clean(0)

    def _recover(self, task: str, status: int) -> bool:
        """Retry, or clear where a retry is refused; say whether the run has published then."""
        if status == SUCCESS:
            self.outcome.recovery = "at once" if self.outcome.struck else "missed"
            return True
        plan = self.plan
        spoiled = plan.lie or plan.truncated or plan.kind == "spoiled files"
        swept = plan.beside == "clean everything"
        if status == REFUSED and not (spoiled or swept):
            self._blame(f"{task} refuses to be retried")
        if not spoiled:
            self.store.spoil_between()
            if plan.between:
                self._run_other()
            again = Disturbance(plan.again, instance=plan.seed)
            task, status = self.scheduler.run(plan.main, task, disturbed=task, by=again)
            if plan.again and status not in (SUCCESS, REFUSED):
                task, status = self.scheduler.run(plan.main, task)
            self.outcome.recovery = "retry"
        if status != SUCCESS and spoiled:
            task, status = self.scheduler.run(plan.main, "transform")
            self.outcome.recovery = "clear"
        if status != SUCCESS and swept:  # what a run under way had made may be gone for good
            task, status = self.scheduler.run(f"{plan.main}-anew")
            self.outcome.recovery = "new run"
        self._expect(f"{task}, tried again without a disturbance,", status)
        return status == SUCCESS

    def _go_on(self, later: str) -> None:
        """Do what a person does once all is well, and expect that all stays well."""
        known, current = lakes.published(self.folder, self.plan.dataflow), self._current()
        match later:
            case "roll back" | "kill a roll back":
                if "kill" in later:
                    self.scheduler.command("rollback", self.before, trap=self.plan.later_trap)
                    self._look()
                self.may_be_current = set()
                self._roll_back(self.before)
            case "garbage-collection" | "kill a clean":
                if "kill" in later:
                    self._clean(lakes.KEEP_DAYS, self.plan.later_trap)
                    self._look()
                self._clean(lakes.KEEP_DAYS)
            case _:
                first = {"clear": "ingest", "publish again": "publish"}.get(later, self.plan.start)
                run = AFTERWARDS.get(later, self.plan.main)
                task, status = self.scheduler.run(run, first)
                self._expect(f"{task} of {run}, cleared or new,", status)
                if status == SUCCESS:
                    made = self.scheduler.claims[-1][1]
                    self.may_be_current = {current if made in known else made}

    def _roll_back(self, release: str) -> None:
        self._expect("rolling back", self.scheduler.command("rollback", release))
        self.may_be_current.add(release)

    def _run_other(self) -> None:
        task, status = self.scheduler.run(self.plan.other, self.plan.start)
        self._expect(f"{task} of {self.plan.other}, undisturbed,", status)

    def _clean(self, keep_days: float, trap: Trap | None = None) -> None:
        for releases in self.templates.before.values():
            newest, *older = releases
            self.ledger.removable |= {*older} if keep_days else {newest, *older}
        status = self.scheduler.command("garbage-collection", str(keep_days), trap=trap)
        if trap is None:
            self._expect("cleaning", status)

    def _current(self) -> str:
        return lakes.current(self.folder, self.plan.dataflow) or ""

    def _settle(self) -> None:
        for each in self.scheduler.leave_alone(_ALONE_SECONDS):
            self._blame(f"{each.order.name}, left alone, does not end")
        self.outcome.problems += invariants.left_behind(self.zygote)
        self.outcome.problems += self.store.left_behind(self.scheduler.failures)
        self.outcome.checkpoints = self.store.counts
        drafts = lakes.unknown_dataflows(self.folder)[1]
        work = list((self.folder / "runs").rglob("*.work"))
        self.outcome.left = {"drafts": len(drafts), "workspaces": len(work)}

    def _look(self) -> None:
        lake = invariants.broken(self.folder, self.plan.dataflow, self.templates, self.ledger)
        found = [*lake, *self.store.broken()]
        self.outcome.problems += [each for each in found if each not in self.outcome.problems]

    def _check_current(self) -> None:
        overtaken = lakes.overtaken(self.folder, self.plan.dataflow)
        self.outcome.left["releases that were overtaken"] = overtaken
        made = {release for _, release in self.scheduler.claims}
        allowed = self.may_be_current | (set() if self._decided() else made)
        if self._current() not in allowed:
            self._blame(f"{self._current()} is current; expected was {' or '.join(allowed)}")

    def _decided(self) -> bool:
        return any("garbage-collection" not in each for each in self.plan.later)

    def _expect(self, what: str, status: int) -> None:
        if status != SUCCESS:
            names = {FAILED: "failed", REFUSED: "was refused"}
            self._blame(f"{what} {names.get(status, f'ended with {status}')}")

    def _blame(self, problem: str) -> None:
        self.outcome.problems.append(problem)

    def _lift(self) -> None:
        """End what disturbs lastingly."""
        plan = self.plan
        if plan.lie or plan.runner_trap:
            self.templates.deploy(self.folder, kept=bool(plan.kept))
        if plan.closed:
            (self.folder / plan.closed).chmod(0o755)
        if plan.full:
            disks.make_room(self.folder / plan.full.disk)

    def _tidy(self) -> None:
        if self.plan.full:
            disks.take_away(self.folder / self.plan.full.disk)
