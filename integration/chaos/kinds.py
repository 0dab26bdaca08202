"""The kinds of disturbance, each with a weight; a seed draws one of them and the rest of a plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Literal

from . import lakes, moments, months, resumes
from .dice import Dice
from .lying_runner import LIES
from .orders import TASKS, Trap
from .plans import Beside, Blow, Full, Later, Plan, Victim
from .spans import PARTITIONED


def draw(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    (kind,) = chance.choices(list(KINDS), weights=[weight for weight, _ in KINDS.values()])
    return KINDS[kind][1](Dice(seed, kind, chance))


def _kill_task(dice: Dice) -> Plan:
    task = dice.chance.choices(TASKS, weights=(2, 3, 5))[0]
    dataflow = dice.dataflow({"ingest": 0.7, "transform": 0.12, "publish": 0.2}[task])
    trap, again = moments.draw_trap(dice.chance, dataflow, task), dice.again(dataflow, task)
    return dice.plan(dataflow, task, trap=trap, again=again)


def _kill_task_at_any_time(dice: Dice) -> Plan:
    """Strike where no function of Python begins or ends, in the middle of Delta's commit, say."""
    task = dice.chance.choice(("ingest", "publish", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.3)
    blow = Blow("task", dice.chance.uniform(0, 0.12))
    return dice.plan(dataflow, task, task, blow=blow, again=dice.again(dataflow, task))


def _blow(dice: Dice, victims: tuple[Victim, ...]) -> Plan:
    """Strike while a runner runs: after something that it said, or at any time."""
    victim, dataflow = dice.chance.choice(victims), dice.dataflow(0.1)
    if dice.chance.random() < 0.7:
        keeps = dice.kept and dataflow in moments.KEEPING
        event = dice.chance.choice((*moments.EVENTS, *(moments.OF_STORE if keeps else ())))
        nodes = {"airport_days": 4, "flight_delays": 40, PARTITIONED: 2}[dataflow]
        once = dict.fromkeys(("graph", "result", *moments.OF_STORE), 1)
        most = {**once, "output_staged": 2, moments.STAGING: 2}.get(event, nodes)
        blow = Blow(victim, dice.chance.uniform(0, 0.05), event, dice.chance.randint(1, most))
    else:
        blow = Blow(victim, dice.chance.uniform(0, 2))
    return dice.plan(dataflow, "transform", blow=blow, again=dice.again(dataflow, "transform"))


def _kill_runner(dice: Dice) -> Plan:
    return _blow(dice, ("runner", "supervisor"))


def _kill_all(dice: Dice) -> Plan:
    return _blow(dice, ("task", "everything"))


def _stop(dice: Dice) -> Plan:
    return _blow(dice, ("stop",))


def _kill_supervisor(dice: Dice) -> Plan:
    """Let an attempt go on alone, slowly or not, while the next one runs."""
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


def _full(dice: Dice) -> Plan:
    task = dice.chance.choice(("ingest", "transform", "transform", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.1)
    disk = "lake"
    if task == "transform":
        disk = dice.chance.choice(("lake", "runs"))
    most = 70 if task == "transform" else 12
    return dice.plan(dataflow, task, task, full=Full(disk, dice.chance.randint(0, most)))


def _closed(dice: Dice) -> Plan:
    task = dice.chance.choice(("ingest", "transform", "publish", "publish"))
    dataflow = "flight_delays" if task == "ingest" else dice.dataflow(0.1)
    closed = dice.chance.choice(lakes.written_by(task, dataflow))
    return dice.plan(dataflow, task, task, closed=closed)


def _spoil(dice: Dice) -> Plan:
    if dice.chance.random() < 0.2:
        dataflow = dice.dataflow(0)
        return dice.plan(dataflow, "publish", "publish", truncated=True, rows=True)
    deed: Literal["truncate", "flip"] = dice.chance.choice(("truncate", "flip"))
    # Before all is hashed, or after the first file was, when the choice may fall on the second.
    place = dice.chance.choice(("accept", "survey"))
    trap = Trap(
        f"isthmus_platform.lake.intake.acceptance:{place}",
        1,
        "before",
        deed,
        dice.chance.randrange(1 << 30),
    )
    return dice.plan(dice.dataflow(0.1), "transform", trap=trap, rows=True)


def _clock(dice: Dice) -> Plan:
    hours = {
        task: dice.chance.uniform(-30, 30)
        for task in (*TASKS, "files", "garbage-collection", "rollback")
    }
    later: list[Later] = dice.chance.choice(
        [["garbage-collection"], ["roll back"], ["roll back", "garbage-collection"], []]
    )
    dataflow = dice.dataflow(0.1)
    task = dice.chance.choice(("transform", "publish", "publish", "publish"))
    trap = moments.draw_trap(dice.chance, dataflow, "publish")
    return dice.plan(dataflow, "publish", task, clocks=hours, later=later, trap=trap)


def _lie(dice: Dice) -> Plan:
    lies = [each for each in LIES if "twice" not in each or each == "output twice"]
    lie = dice.chance.choice(lies)
    return dice.plan(dice.dataflow(0.1), "transform", lie=lie, rows=True)


def _duplicate(dice: Dice) -> Plan:
    lies = [each for each in LIES if "twice" in each and each != "output twice"]
    if dice.chance.random() < 0.4:
        return dice.plan("airport_days", "transform", "transform", lie=dice.chance.choice(lies))
    dataflow = dice.dataflow(0.2)
    trap = moments.draw_trap(dice.chance, dataflow, "publish", "pause")
    return dice.plan(dataflow, "publish", trap=trap, beside="publish twice")


def _two_runs(dice: Dice) -> Plan:
    task = dice.chance.choices(TASKS, weights=(1, 3, 8))[0]
    shares = {"ingest": 1, "transform": 0, "publish": 0.2}
    dataflow = dice.dataflow(shares[task], partitioned=0)
    trap = moments.draw_trap(dice.chance, dataflow, task) if dice.chance.random() < 0.6 else None
    after = dice.chance.uniform(0, 0.3)
    return dice.plan(dataflow, task, task, trap=trap, second_after=after)


def _meanwhile(dice: Dice) -> Plan:
    if dice.chance.random() < 0.25:
        return _supersede(dice)
    deeds: tuple[Beside, ...] = ("roll back", "garbage-collection", "clean everything")
    beside = dice.chance.choice(deeds)
    task = dice.chance.choice(("transform", "publish", "publish"))
    dataflow = "airport_days" if task == "transform" else dice.dataflow(0.2)
    trap = moments.draw_trap(dice.chance, dataflow, task, "pause")
    later: list[Later] | None = [] if beside == "clean everything" else None
    return dice.plan(dataflow, task, trap=trap, beside=beside, later=later)


def _supersede(dice: Dice) -> Plan:
    """Publish another input just when a run has pinned the old one, and has not read it yet."""
    task = dice.chance.choice(("ingest", "transform"))
    place = {"ingest": "operators.ingest:write_whole", "transform": "runs.record:shutil.rmtree"}
    trap = Trap(f"isthmus_platform.{place[task]}", 1, "before", "pause")
    return dice.plan("airport_days", task, trap=trap, beside="supersede")


KINDS: Mapping[str, tuple[int, Callable[[Dice], Plan]]] = {
    **months.KINDS,
    **resumes.KINDS,
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
