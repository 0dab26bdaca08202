"""One case: a plan carried out on a copy of a template, the recovery, and the invariants."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from integration import lake_inspection
from integration.faults import disks
from integration.faults.crashing_store import OperationFault, spoil
from integration.fork_server import ForkServer

from . import invariants, product
from .checkpoints import Checkpoints
from .plan import AFTERWARDS, FAILED, REFUSED, SUCCESS, Plan, xcom
from .scheduler import Disturbance, Scheduler
from .templates import KEEP_DAYS, PARAMS, Templates


@dataclass
class Outcome:
    """Say how a case went: whether it was disturbed, how the run recovered, what is wrong."""

    plan: Plan
    folder: Path
    struck: bool = False
    recovery: str = ""
    problems: list[str] = field(default_factory=list)
    checkpoints: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Case:
    """Carry out one plan in a folder of its own."""

    def __init__(
        self, plan: Plan, templates: Templates, server: ForkServer, folder: Path, bug: str | None
    ) -> None:
        self.plan, self.templates, self.server, self.folder = plan, templates, server, folder
        self.outcome, self.contract = Outcome(plan, folder), product.contract_of(plan.dataflow)
        counts = templates.counts[plan.dataflow]
        params = PARAMS[plan.dataflow]
        self.scheduler = Scheduler(folder, server, plan.dataflow, params, bug, counts)
        self.removable: set[str] = set()
        self.checkpoints = Checkpoints(plan, templates.checkpoints.get(plan.dataflow), folder)
        self.before, *_, self.first = templates.before[plan.dataflow]
        self.may_be_current: set[str] = set()

    def carry_out(self) -> Outcome:
        """Disturb, recover, go on, and check; the folder of a case with problems stays."""
        start, plan = time.monotonic(), self.plan
        try:
            self._prepare()
            ended = self._disturb()
            self._check_invariants()
            self._lift()
            if self._recover(*ended):
                for verb in plan.later:
                    if not self.outcome.problems:  # what is broken may not even be readable
                        self._go_on(verb)
                self._settle()
            self._check_invariants()
            if not self.outcome.problems:
                self._check_current()
        finally:
            if plan.full:
                disks.unmount(self.folder / plan.full.disk)
        self.outcome.seconds = time.monotonic() - start
        if not self.outcome.problems:
            shutil.rmtree(self.folder)
        return self.outcome

    def _prepare(self) -> None:
        plan, folder = self.plan, self.folder
        place = self.templates.place(plan.dataflow, plan.start)
        shutil.copytree(place, folder, dirs_exist_ok=True)
        self.scheduler.attempts = self.templates.attempts[plan.dataflow, plan.start].copy()
        self.scheduler.clocks = dict(plan.clocks)
        if plan.clocks:
            lake_inspection.age(folder, -self.scheduler.clocks["files"] / 24)
        self._deploy(plan)
        self.checkpoints.prepare()
        if plan.full:
            disks.fill(folder / plan.full.disk, plan.full.kilobytes)
        if plan.closed:
            (folder / plan.closed).mkdir(parents=True, exist_ok=True)
            (folder / plan.closed).chmod(0o555)
            self.scheduler.obeys_modes = True
        if plan.truncated:
            returned = json.loads(xcom(folder, plan.main, "transform").read_text())
            parts = returned if isinstance(returned, list) else [returned]
            outputs = [output for part in parts for output in part["outputs"]]
            files = [file["path"] for output in outputs for file in output["files"]]
            chance = random.Random(plan.seed)  # noqa: S311 - no secret
            spoil(folder / "lake" / chance.choice(files), "truncate", chance)

    def _deploy(self, plan: Plan | None = None) -> None:
        saves, bug = bool(self.plan.checkpoints), self.scheduler.bug
        self.templates.deploy(self.folder, checkpoints=saves, plan=plan, bug=bug)

    def _disturb(self) -> tuple[str, int]:
        """Run until the run ends, well or not; return its last task and that task's status."""
        plan, scheduler = self.plan, self.scheduler
        by = Disturbance(plan.fault, plan.strike, self._meanwhile, plan.seed)
        with ThreadPoolExecutor(1) as pool:
            beside = None if plan.second_after is None else pool.submit(self._run_beside)
            ended = scheduler.run(plan.main, plan.start, disturbed=plan.task, by=by)
        if beside and beside.result() != SUCCESS:
            self._add_problem("the run beside failed, undisturbed")
        failed, harmless = ended[1] != SUCCESS, plan.answer_fault in ("", "events twice")
        lasting = plan.full or plan.closed or plan.truncated or not harmless
        self.outcome.struck = bool(
            self.checkpoints.was_struck()
            or scheduler.struck
            or (lasting and failed)
            or (plan.answer_fault and harmless)
            or plan.clocks
            or beside
        )
        if failed and plan.spares_run:
            self._add_problem("the run failed, and only its checkpoints were disturbed")
        if not failed and self.checkpoints.killed:
            self._add_problem("the runner was killed, and the run went on")
        if not failed and (plan.truncated or not harmless):
            self._add_problem(f"it was accepted: {plan.answer_fault or 'a truncated file'}")
        if not failed and plan.kind == "spoiled files" and scheduler.struck:
            self._add_problem("a spoiled file was accepted")
        return ended

    def _run_beside(self) -> int:
        """Run the other run after a while; retry each task once, as Airflow does."""
        time.sleep(self.plan.second_after or 0)
        task, status = self.scheduler.run(self.plan.other, self.plan.start)
        retried: set[str] = set()
        while (status == FAILED or status < 0) and task not in retried:
            retried.add(task)
            task, status = self.scheduler.run(self.plan.other, task)
        return status

    def _meanwhile(self) -> None:
        """Do what happens beside the run while a fault pauses one of its tasks."""
        match self.plan.beside:
            case "publish twice":
                status = self.scheduler.attempt(self.plan.main, "publish")
                self._expect("publishing a second time at once", status)
            case "another run":
                self._run_other()
            case "roll back" | "roll back further":
                self._roll_back(self.first if "further" in self.plan.beside else self.before)
            case "supersede":
                *_, other_input = self.templates.before["flight_delays"]
                status = self.scheduler.command("rollback", other_input, "flight_delays")
                self._expect("giving another input", status)
            case "garbage-collection" | "collect everything":
                self._collect(0 if "everything" in self.plan.beside else KEEP_DAYS)

    def _recover(self, task: str, status: int) -> bool:
        """Retry, or clear where a retry is refused; say whether the run has published."""
        if status == SUCCESS:
            self.outcome.recovery = "at once" if self.outcome.struck else "missed"
            return True
        plan, run = self.plan, self.scheduler.run
        spoiled = plan.answer_fault or plan.truncated or plan.kind == "spoiled files"
        swept = plan.beside == "collect everything"
        if status == REFUSED and not (spoiled or swept):
            self._add_problem(f"{task} refuses to be retried")
        if not spoiled:
            self.checkpoints.spoil_between()
            if plan.between:
                self._run_other()
            again = Disturbance(plan.again, instance=plan.seed)
            task, status = run(plan.main, task, disturbed=task, by=again)
            if plan.again and status not in (SUCCESS, REFUSED):
                task, status = run(plan.main, task)
            self.outcome.recovery = "retry"
        if status != SUCCESS and spoiled:
            task, status = run(plan.main, "transform")
            self.outcome.recovery = "clear"
        if status != SUCCESS and swept:  # the files of a run under way may be gone for good
            task, status = run(f"{plan.main}-anew")
            self.outcome.recovery = "new run"
        self._expect(f"{task}, tried again without a disturbance,", status)
        return status == SUCCESS

    def _go_on(self, later: str) -> None:
        """Do what a person does after the run has succeeded, and expect that it succeeds."""
        plan, current = self.plan, lake_inspection.current(self.folder, self.contract)
        known = lake_inspection.published(self.folder, self.contract)
        match later:
            case "roll back" | "kill a roll back":
                if "kill" in later:
                    self.scheduler.command("rollback", self.before, fault=plan.later_fault)
                    self._check_invariants()
                self.may_be_current = set()
                self._roll_back(self.before)
            case "garbage-collection" | "kill a garbage collection":
                if "kill" in later:
                    self._collect(KEEP_DAYS, plan.later_fault)
                    self._check_invariants()
                self._collect(KEEP_DAYS)
            case _:
                first = {"clear": "ingest", "publish again": "publish"}.get(later, plan.start)
                run = AFTERWARDS.get(later, plan.main)
                task, status = self.scheduler.run(run, first)
                self._expect(f"{task} of {run}, cleared or new,", status)
                if status == SUCCESS:  # only a publication that is repeated alone changes nothing
                    anew = {self.scheduler.claims[-1][1]} - {*known}
                    self.may_be_current = {current} if later == "publish again" else anew

    def _roll_back(self, release: str) -> None:
        self._expect("rolling back", self.scheduler.command("rollback", release))
        self.may_be_current.add(release)

    def _run_other(self) -> None:
        task, status = self.scheduler.run(self.plan.other, self.plan.start)
        self._expect(f"{task} of {self.plan.other}, undisturbed,", status)

    def _collect(self, keep_days: float, fault: OperationFault | None = None) -> None:
        for newest, *older in self.templates.before.values():
            self.removable |= {*older} if keep_days else {newest, *older}
        status = self.scheduler.command("garbage-collection", str(keep_days), fault=fault)
        if fault is None:
            self._expect("garbage collection", status)

    def _settle(self) -> None:
        for name in self.scheduler.leave_alone(60):
            self._add_problem(f"{name}, left alone, does not end")
        self.outcome.problems += self.server.left_behind()
        self.outcome.problems += self.checkpoints.left_behind(self.scheduler.failures)
        self.outcome.checkpoints = self.checkpoints.counts

    def _check_invariants(self) -> None:
        claims, name = self.scheduler.claims, self.plan.dataflow
        lake = invariants.broken(self.folder, name, self.templates, claims, self.removable)
        problems, known = [*lake, *self.checkpoints.broken()], self.outcome.problems
        known += [problem for problem in problems if problem not in known]

    def _check_current(self) -> None:
        published = {release for _, release in self.scheduler.claims}
        decided = any("garbage" not in verb for verb in self.plan.later)
        allowed = self.may_be_current | (set() if decided else published)
        current = lake_inspection.current(self.folder, self.contract)
        if current not in allowed:
            self._add_problem(f"{current} is current; expected was {' or '.join(allowed)}")

    def _expect(self, what: str, status: int) -> None:
        if status != SUCCESS:
            names = {FAILED: "failed", REFUSED: "was refused"}
            self._add_problem(f"{what} {names.get(status, f'ended with {status}')}")

    def _add_problem(self, problem: str) -> None:
        self.outcome.problems.append(problem)

    def _lift(self) -> None:
        """End the faults that last: a faulty runner, a closed directory, a full disk."""
        if self.plan.answer_fault or self.plan.runner_fault:
            self._deploy()
        if self.plan.closed:
            (self.folder / self.plan.closed).chmod(0o755)
        if self.plan.full:
            disks.make_room(self.folder / self.plan.full.disk)
