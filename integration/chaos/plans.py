"""What is to happen in one case, drawn from its seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from . import lakes, moments
from .lying_runner import LIES
from .orders import TASKS, Trap

Victim = Literal["task", "runner", "guard", "everything", "supervisor", "stop"]
Beside = Literal["roll back", "clean", "clean everything", "supersede", "publish twice"]
Later = Literal["clear", "publish again", "roll back", "clean", "kill a clean", "kill a roll back"]


@dataclass(frozen=True, slots=True)
class Blow:
    """Strike from outside: some time after a try began or the runner said something.

    A supervisor that is killed leaves its task running, and Airflow starts the next try; a task
    that a trap holds is let go so much later. `stop` is what Airflow does to a task that is to end:
    SIGTERM, and SIGKILL after five seconds.
    """

    victim: Victim
    seconds: float
    event: str = ""
    count: int = 0

    def __str__(self) -> str:
        verb = "stop the task" if self.victim == "stop" else f"kill {self.victim}"
        since = f" after {self.event} {self.count}" if self.event else ""
        return f"{verb} {self.seconds:.2f} s{since or ' on'}"


@dataclass(frozen=True, slots=True)
class Full:
    """Leave a disk so many kilobytes, the lake's or that of the runs."""

    disk: Literal["lake", "runs"]
    kilobytes: int

    def __str__(self) -> str:
        return f"{self.disk}: disk full after {self.kilobytes} KB"


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what happens in one case; `start` is its first task, those before have been executed."""

    seed: int
    kind: str
    dataflow: str
    start: str
    task: str
    trap: Trap | None = None
    again: Trap | None = None
    blow: Blow | None = None
    lie: str = ""
    full: Full | None = None
    closed: str = ""
    truncated: bool = False
    clocks: Mapping[str, float] = field(default_factory=dict)
    beside: Beside | None = None
    second_after: float | None = None
    later: tuple[Later, ...] = ()
    later_trap: Trap | None = None

    def __str__(self) -> str:
        parts = [str(each) for each in (self.trap, self.blow, self.full) if each]
        parts += [f"the runner lies: {self.lie}"] if self.lie else []
        parts += [f"{self.closed} is read-only"] if self.closed else []
        parts += ["truncate an accepted file"] if self.truncated else []
        parts += [f"{task}'s clock {hours:+.0f} h" for task, hours in self.clocks.items()]
        parts += [f"{self.beside} meanwhile"] if self.beside else []
        if self.second_after is not None:
            parts.append(f"second run after {self.second_after:.2f} s")
        parts += [f"at the next try {self.again}"] if self.again else []
        parts += [*self.later, *([str(self.later_trap)] if self.later_trap else [])]
        what = "; ".join(parts)
        return f"seed {self.seed}  {self.dataflow} from {self.start}  {self.task}: {what}"


def draw(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    (kind,) = chance.choices(list(KINDS), weights=[weight for weight, _ in KINDS.values()])
    return KINDS[kind][1](_Dice(seed, kind, chance))


class _Dice:
    """Draw the parts that all plans have."""

    def __init__(self, seed: int, kind: str, chance: random.Random) -> None:
        self.seed, self.kind, self.chance = seed, kind, chance

    def plan(
        self,
        dataflow: str,
        task: str,
        start: str | None = None,
        later: Sequence[Later] | None = None,
        **parts: Any,  # fields of a plan
    ) -> Plan:
        """Return a plan with a start and what is done later, drawn unless they are given."""
        start = start or self.start(task)
        later = tuple(self.later() if later is None else later)
        for verb, name in (("kill a clean", "clean"), ("kill a roll back", "rollback")):
            if verb in later:
                parts["later_trap"] = moments.draw_trap(self.chance, dataflow, name)
        return Plan(self.seed, self.kind, dataflow, start, task, later=later, **parts)

    def dataflow(self, share: float = 0.12) -> str:
        return "flight_delays" if self.chance.random() < share else "airport_days"

    def start(self, task: str) -> str:
        """Start at the task itself, or now and then earlier."""
        return task if self.chance.random() < 0.85 else TASKS[max(0, TASKS.index(task) - 1)]

    def later(self) -> list[Later]:
        choices: tuple[tuple[Later, ...], ...] = (
            (),
            ("publish again",),
            ("roll back",),
            ("roll back", "publish again"),
            ("clean",),
            ("clear",),
            ("roll back", "clear"),
            ("kill a clean",),
            ("kill a roll back",),
        )
        return list(self.chance.choices(choices, weights=(12, 3, 2, 3, 2, 1, 1, 2, 2))[0])

    def again(self, dataflow: str, task: str) -> Trap | None:
        """Now and then, strike the next try too."""
        if self.chance.random() < 0.75:
            return None
        return moments.draw_trap(self.chance, dataflow, task)


def _kill_task(dice: _Dice) -> Plan:
    task = dice.chance.choices(TASKS, weights=(2, 3, 5))[0]
    dataflow = dice.dataflow({"ingest": 0.7, "transform": 0.12, "publish": 0.2}[task])
    trap, again = moments.draw_trap(dice.chance, dataflow, task), dice.again(dataflow, task)
    return dice.plan(dataflow, task, trap=trap, again=again)


def _kill_task_at_any_time(dice: _Dice) -> Plan:
    """Strike where no function of Python begins or ends, in the middle of Delta's commit, say."""
    task = dice.chance.choice(("ingest", "publish", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.3)
    blow = Blow("task", dice.chance.uniform(0, 0.15))
    return dice.plan(dataflow, task, task, blow=blow, again=dice.again(dataflow, task))


def _blow(dice: _Dice, victims: tuple[Victim, ...]) -> Plan:
    """Strike while a runner runs: after something that it said, or at any time."""
    victim, dataflow = dice.chance.choice(victims), dice.dataflow(0.1)
    if dice.chance.random() < 0.7:
        event = dice.chance.choice(moments.EVENTS)
        nodes = 4 if dataflow == "airport_days" else 40
        most = {"graph": 1, "result": 1, "output_staged": 2, moments.STAGING: 2}.get(event, nodes)
        blow = Blow(victim, dice.chance.uniform(0, 0.05), event, dice.chance.randint(1, most))
    else:
        blow = Blow(victim, dice.chance.uniform(0, 2))
    return dice.plan(dataflow, "transform", blow=blow, again=dice.again(dataflow, "transform"))


def _kill_runner(dice: _Dice) -> Plan:
    return _blow(dice, ("runner", "guard"))


def _kill_all(dice: _Dice) -> Plan:
    return _blow(dice, ("task", "everything"))


def _stop(dice: _Dice) -> Plan:
    return _blow(dice, ("stop",))


def _kill_supervisor(dice: _Dice) -> Plan:
    """Let a try go on alone, slowly or not, while the next one runs."""
    if dice.chance.random() < 0.4:
        return _blow(dice, ("supervisor",))
    task = dice.chance.choice(("ingest", "publish", "publish"))
    dataflow = dice.dataflow(0.2)
    return dice.plan(
        dataflow,
        task,
        trap=moments.draw_trap(dice.chance, dataflow, task, "pause"),
        blow=Blow("supervisor", dice.chance.uniform(0, 0.2)),
    )


def _full(dice: _Dice) -> Plan:
    task = dice.chance.choice(("ingest", "transform", "transform", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.1)
    disk: Literal["lake", "runs"] = "lake"
    if task == "transform":
        disk = dice.chance.choice(("lake", "runs"))
    most = 70 if task == "transform" else 12
    return dice.plan(dataflow, task, task, full=Full(disk, dice.chance.randint(0, most)))


def _closed(dice: _Dice) -> Plan:
    task = dice.chance.choice(("ingest", "transform", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.1)
    closed = dice.chance.choice(lakes.written_by(task, dataflow))
    return dice.plan(dataflow, task, task, closed=closed)


def _spoil(dice: _Dice) -> Plan:
    if dice.chance.random() < 0.2:
        return dice.plan("airport_days", "publish", "publish", truncated=True)
    deed: Literal["truncate", "flip"] = dice.chance.choice(("truncate", "flip"))
    # Before all is hashed, or after the first file was, when the choice may fall on the second.
    place = dice.chance.choice(("accept", "survey"))
    trap = Trap(
        f"isthmus_platform.lake.acceptance:{place}",
        1,
        "before",
        deed,
        dice.chance.randrange(1 << 30),
    )
    return dice.plan(dice.dataflow(0.1), "transform", trap=trap)


def _clock(dice: _Dice) -> Plan:
    hours = {task: dice.chance.uniform(-30, 30) for task in (*TASKS, "files", "clean", "rollback")}
    later: list[Later] = dice.chance.choice([["clean"], ["roll back"], ["roll back", "clean"], []])
    dataflow = dice.dataflow(0.1)
    task = dice.chance.choice(("transform", "publish", "publish", "publish"))
    trap = moments.draw_trap(dice.chance, dataflow, "publish")
    return dice.plan(dataflow, "publish", task, clocks=hours, later=later, trap=trap)


def _lie(dice: _Dice) -> Plan:
    lies = [each for each in LIES if "twice" not in each or each == "output twice"]
    return dice.plan(dice.dataflow(0.1), "transform", lie=dice.chance.choice(lies))


def _duplicate(dice: _Dice) -> Plan:
    lies = [each for each in LIES if "twice" in each and each != "output twice"]
    if dice.chance.random() < 0.4:
        return dice.plan("airport_days", "transform", "transform", lie=dice.chance.choice(lies))
    dataflow = dice.dataflow(0.2)
    trap = moments.draw_trap(dice.chance, dataflow, "publish", "pause")
    return dice.plan(dataflow, "publish", trap=trap, beside="publish twice")


def _two_runs(dice: _Dice) -> Plan:
    task = dice.chance.choices(TASKS, weights=(1, 3, 8))[0]
    shares = {"ingest": 1, "transform": 0, "publish": 0.2}
    dataflow = dice.dataflow(shares[task])
    trap = moments.draw_trap(dice.chance, dataflow, task) if dice.chance.random() < 0.6 else None
    after = dice.chance.uniform(0, 0.3)
    return dice.plan(dataflow, task, task, trap=trap, second_after=after)


def _meanwhile(dice: _Dice) -> Plan:
    if dice.chance.random() < 0.25:
        return _supersede(dice)
    deeds: tuple[Beside, ...] = ("roll back", "clean", "clean everything")
    beside = dice.chance.choice(deeds)
    task = dice.chance.choice(("transform", "publish", "publish"))
    dataflow = "airport_days" if task == "transform" else dice.dataflow(0.2)
    trap = moments.draw_trap(dice.chance, dataflow, task, "pause")
    later: list[Later] | None = [] if beside == "clean everything" else None
    return dice.plan(dataflow, task, trap=trap, beside=beside, later=later)


def _supersede(dice: _Dice) -> Plan:
    """Publish another input just when a run has pinned the old one, and has not read it yet."""
    task = dice.chance.choice(("ingest", "transform"))
    place = {"ingest": "operators.ingest:write_whole", "transform": "runs.record:shutil.rmtree"}
    trap = Trap(f"isthmus_platform.{place[task]}", 1, "before", "pause")
    return dice.plan("airport_days", task, trap=trap, beside="supersede")


KINDS: Mapping[str, tuple[int, Callable[[_Dice], Plan]]] = {
    "kill the task": (8, _kill_task),
    "at any time": (4, _kill_task_at_any_time),
    "kill the runner": (3, _kill_runner),
    "kill all at once": (3, _kill_all),
    "kill the supervisor": (3, _kill_supervisor),
    "stop the task": (2, _stop),
    "disk full": (3, _full),
    "no permission": (3, _closed),
    "spoiled files": (3, _spoil),
    "moved clocks": (3, _clock),
    "a lying runner": (4, _lie),
    "duplicates": (3, _duplicate),
    "two runs at once": (4, _two_runs),
    "other work meanwhile": (4, _meanwhile),
}
