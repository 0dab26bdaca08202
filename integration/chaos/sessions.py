"""Many cases, two at a time, each with a seed of its own; and the table of what came of them."""

from __future__ import annotations

import resource
import shutil
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .cases import Case, Outcome
from .disks import ImpossibleError
from .kinds import KINDS, draw
from .plans import Plan
from .spans import span_of
from .templates import Templates
from .zygote import Zygote

_RECOVERIES = ("at once", "retry", "clear", "new run")


@dataclass
class Session:
    """Hold how cases went. `broken` are those that count as failures of the product."""

    outcomes: list[Outcome] = field(default_factory=list)
    impossible: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def struck(self) -> list[Outcome]:
        """Return the cases that count: those in which something happened."""
        return [each for each in self.outcomes if each.struck]

    @property
    def broken(self) -> list[Outcome]:
        """Return the cases in which an invariant does not hold."""
        return [each for each in self.outcomes if each.problems]

    @property
    def passed(self) -> bool:
        """Say whether all is well."""
        return not (self.broken or self.impossible or self.faults) and bool(self.struck)


@dataclass(frozen=True)
class Field:
    """A folder with templates, where cases are carried out."""

    root: Path
    templates: Templates

    @classmethod
    def prepare(cls) -> Field:
        """Run everything once without a disturbance, so that there is something to compare with."""
        root = Path(tempfile.mkdtemp(prefix="isthmus-chaos-"))
        templates = Templates(root / "templates")
        templates.root.mkdir()
        zygote = templates.zygote("builder")
        try:
            templates.build(zygote)
        finally:
            zygote.close()
        return cls(root, templates)

    def remove(self, *, keep: bool) -> None:
        """Remove the folder; one that shows what went wrong is kept."""
        if not keep:
            shutil.rmtree(self.root)

    def carry_out(  # noqa: PLR0913 - each names what it is
        self,
        cases: int,
        seed: int,
        *,
        workers: int = 2,
        wanted: Callable[[Plan], bool] = lambda _: True,
        bug: str | None = None,
        stop_at_first: bool = False,
        tell: Callable[[Session, Outcome], None] = lambda *_: None,
    ) -> Session:
        """Carry out the plans that are wanted, from `seed` on, until so many were disturbed."""
        session, lock = Session(), threading.Lock()
        plans = filter(wanted, map(draw, count(seed)))
        start, cpu = time.monotonic(), _cpu_seconds()

        def next_plan() -> Plan | None:
            with lock:
                enough = len(session.struck) + running[0] >= cases
                hopeless = len(session.outcomes) + session.impossible.total() > 3 * cases + 10
                found = stop_at_first and session.broken
                if enough or hopeless or found or session.faults:
                    return None
                running[0] += 1
                return next(plans)

        def work(number: int) -> None:
            zygote = self.templates.zygote(f"worker-{number}-{seed}")
            try:
                while (plan := next_plan()) is not None:
                    outcome = self._carry_out(plan, zygote, bug, session)
                    with lock:
                        running[0] -= 1
                        if outcome is not None:
                            session.outcomes.append(outcome)
                            tell(session, outcome)
            except Exception:  # noqa: BLE001 - a thread's end would be seen by nobody
                session.faults.append(traceback.format_exc())
            finally:
                zygote.close()

        running = [0]
        threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        session.seconds = time.monotonic() - start
        session.cpu_seconds = _cpu_seconds() - cpu
        return session

    def _carry_out(
        self, plan: Plan, zygote: Zygote, bug: str | None, session: Session
    ) -> Outcome | None:
        folder = Path(tempfile.mkdtemp(prefix=f"seed-{plan.seed}-", dir=self.root))
        try:
            return Case(plan, self.templates, zygote, folder, bug).carry_out()
        except ImpossibleError as error:
            session.impossible[str(error)] += 1
            return None
        except Exception:  # noqa: BLE001 - whatever it is, it is no fault of the product
            session.faults.append(f"{plan}\n{traceback.format_exc()}")
            return None


def table(session: Session) -> Iterator[str]:
    """Yield the lines of the table: kinds of disturbance, and what came of them."""
    head = ("disturbance", "cases", "missed", *_RECOVERIES, "broken", "seconds")
    yield _row(head)
    for kind in KINDS:
        own = [each for each in session.outcomes if each.plan.kind == kind]
        if own:
            yield _row((kind, *_counts(own)))
    yield _row(("all", *_counts(session.outcomes)))
    runs = Counter(each.plan.dataflow for each in session.struck)
    runs["with mapped tasks"] = sum(span_of(each.plan.main).mapped for each in session.struck)
    yield "disturbed: " + ", ".join(f"{times} {name}" for name, times in runs.items())
    yield f"checkpoints: {_checkpoints(session.outcomes)}"
    left = Counter[str]()
    for each in session.outcomes:
        left.update(each.left)
    words = ", ".join(f"{times} {name}" for name, times in left.items())
    yield f"left behind, which is allowed: {words or 'nothing'}"
    yield f"{session.seconds:.0f} s, {session.cpu_seconds:.0f} s of CPU"


def _checkpoints(outcomes: list[Outcome]) -> str:
    done = Counter[str]()
    for each in outcomes:
        done.update(each.checkpoints)
    kept = sum(bool(each.plan.kept) for each in outcomes)
    return ", ".join((f"{kept} cases kept some", *(f"{n} {what}" for what, n in done.items())))


def _counts(outcomes: list[Outcome]) -> tuple[str, ...]:
    struck = [each for each in outcomes if each.struck]
    recovered = Counter(each.recovery for each in struck)
    return (
        str(len(struck)),
        str(len(outcomes) - len(struck)),
        *(str(recovered[each]) for each in _RECOVERIES),
        str(sum(bool(each.problems) for each in outcomes)),
        f"{sum(each.seconds for each in outcomes):.0f}",
    )


def _row(cells: tuple[str, ...]) -> str:
    first, *rest = cells
    return f"{first:22}" + "".join(f"{each:>9}" for each in rest)


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of all that it has waited for."""
    own, children = (
        resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
