"""The kinds of disturbance that befall checkpoints, from which a next attempt goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from . import moments
from .dice import Dice
from .orders import Trap
from .plans import STORES, Blow, Full, Plan, Victim
from .stores import place_of

Deed = Literal["truncate", "flip", "foreign"]
_DEEDS: tuple[Deed, ...] = ("truncate", "flip", "foreign")
_VICTIMS: tuple[Victim, ...] = ("task", "runner", "supervisor", "everything", "supervisor", "stop")


def _killed(dice: Dice) -> Plan:
    """Kill a runner while it saves a checkpoint, or reads one; now and then spoil one too."""
    dataflow, reads = dice.dataflow(0.3, partitioned=0), dice.chance.random() < 0.25
    return dice.plan(
        dataflow,
        "transform",
        kept="own" if reads else "others",
        runner_trap=moments.draw_store_trap(dice.chance, dataflow, reads=reads),
        spoiled=dice.chance.choice(("", "", *_DEEDS)),
        again=dice.again(dataflow, "transform"),
    )


def _spoiled(dice: Dice) -> Plan:
    """Spoil one that a run would go on from, of an earlier run or of its own first attempt."""
    dataflow, deed = dice.dataflow(0.3, partitioned=0), dice.chance.choice(_DEEDS)
    if dice.chance.random() < 0.4:
        return dice.plan(dataflow, "transform", kept="own", spoiled=deed)
    trap, blow = None, None
    if dice.chance.random() < 0.5:
        place = dice.chance.choice(moments.WITH_RESULT)
        trap = Trap(f"isthmus_platform.{place}", 1, "before")
    else:
        victim = dice.chance.choice(_VICTIMS)
        blow = Blow(victim, dice.chance.uniform(0, 0.05), "checkpoint_written", 1)
    return dice.plan(dataflow, "transform", kept="others", spoiled=deed, trap=trap, blow=blow)


def _shut(dice: Dice) -> Plan:
    """Leave no room for checkpoints, or no right to write one; now and then kill the run too."""
    dataflow = dice.dataflow(0.3, partitioned=0)
    kept, spoiled = dice.chance.choice((("others", ""), ("own", dice.chance.choice(_DEEDS))))
    blow, full, closed = None, None, ""
    if dice.chance.random() < 0.3:
        event = dice.chance.choice(moments.EVENTS)
        blow = Blow(dice.chance.choice(_VICTIMS), dice.chance.uniform(0, 0.05), event, 1)
    if dice.chance.random() < 0.5:
        # Of the dear dataflow nothing may fit: it keeps small things too.
        most = {"airport_days": 70, "flight_delays": 3}[dataflow]
        full = Full(STORES, dice.chance.randint(0, most))
    else:
        closed = place_of(dataflow)
    return dice.plan(
        dataflow, "transform", kept=kept, spoiled=spoiled, blow=blow, full=full, closed=closed
    )


KINDS: Mapping[str, tuple[int, Callable[[Dice], Plan]]] = {
    "killed in the store": (4, _killed),
    "spoiled checkpoints": (4, _spoiled),
    "no room to keep": (3, _shut),
}
