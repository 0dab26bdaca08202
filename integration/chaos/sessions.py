"""Many cases, two at a time, each with a seed of its own; and a table of their outcomes."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .cases import Case, Outcome
from .plan import Plan, interval_of
from .sampler import KINDS, draw_plan
from .templates import Templates

_RECOVERIES = ("at once", "retry", "clear", "new run")


@dataclass
class Session:
    """Hold how cases went: `struck` are those that count, in `broken` an invariant does not hold.

    `errors` are what chaos itself, or this machine, could not do.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def struck(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.struck]

    @property
    def broken(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.problems]

    @property
    def passed(self) -> bool:
        return not (self.broken or self.errors) and bool(self.struck)


class Field:
    """A folder where cases are carried out; everything has run once there, undisturbed."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="isthmus-chaos-"))
        self.templates = Templates(self.root / "templates")
        self.templates.build()

    def carry_out(  # noqa: PLR0913 - each names what it is
        self,
        cases: int,
        seed: int,
        *,
        workers: int = 2,
        wanted: Callable[[Plan], bool] = lambda _: True,
        bug: str | None = None,
        stop_at_first: bool = False,
        report: Callable[[Session, Outcome], None] = lambda *_: None,
    ) -> Session:
        """Carry out the plans that are wanted, from `seed` on, until so many were disturbed."""
        session, start = Session(), time.monotonic()
        plans = filter(wanted, map(draw_plan, count(seed)))
        running: dict[Future[Outcome], Plan] = {}

        def is_over() -> bool:
            enough = len(session.struck) + len(running) >= cases
            hopeless = len(session.outcomes) > 3 * cases + 10
            found = stop_at_first and session.broken
            return bool(enough or hopeless or found or session.errors)

        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, _start, (self.templates,)) as pool:
            while running or not is_over():
                while len(running) < workers and not is_over():
                    plan = next(plans)
                    running[pool.submit(_carry_out, plan, self.root, bug)] = plan
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    plan = running.pop(done)
                    try:
                        session.outcomes.append(done.result())
                    except Exception:  # noqa: BLE001 - chaos itself may raise anything
                        session.errors.append(f"{plan}\n{traceback.format_exc()}")
                    else:
                        report(session, session.outcomes[-1])
        session.seconds = time.monotonic() - start
        return session


def _start(templates: Templates) -> None:
    """Start the fork server of this worker, which forks every task."""
    global _templates, _server
    _templates, _server = templates, templates.server()


def _carry_out(plan: Plan, root: Path, bug: str | None) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"seed-{plan.seed}-", dir=root))
    return Case(plan, _templates, _server, folder, bug).carry_out()


def table(session: Session) -> Iterator[str]:
    """Yield the lines of the table: the outcomes of each kind of disturbance."""
    heads = ("cases", "missed", *_RECOVERIES, "broken", "seconds")
    yield f"{'disturbance':22}" + "".join(f"{head:>9}" for head in heads)
    for kind in (*KINDS, ""):
        own = [outcome for outcome in session.outcomes if kind in ("", outcome.plan.kind)]
        recovered = Counter(outcome.recovery for outcome in own if outcome.struck)
        counts = [recovered.total(), len(own) - recovered.total()]
        counts += [recovered[recovery] for recovery in _RECOVERIES]
        counts += [
            sum(bool(outcome.problems) for outcome in own),
            sum(round(outcome.seconds) for outcome in own),
        ]
        yield f"{kind or 'all':22}" + "".join(f"{number:9}" for number in counts)
    plans = [outcome.plan for outcome in session.struck]
    runs = Counter(plan.dataflow for plan in plans)
    runs["with mapped tasks"] = sum(interval_of(plan.main).mapped for plan in plans)
    done = Counter[str]()
    for outcome in session.outcomes:
        done.update({"saved by cases": int(bool(outcome.plan.checkpoints))} | outcome.checkpoints)
    for head, numbers in (("disturbed", runs), ("checkpoints", done)):
        yield f"{head}: " + ", ".join(f"{times} {name}" for name, times in numbers.items())
    yield f"{session.seconds:.0f} s"
