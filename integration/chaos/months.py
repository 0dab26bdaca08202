"""The kinds of disturbance that only runs for an interval know: other months meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import moments
from .dice import Dice
from .plans import Beside, Later, Plan
from .spans import PAIRS, PARTITIONED


def _at_once(dice: Dice) -> Plan:
    """Let two runs publish at the same time; now and then kill one of them."""
    main, other = dice.chance.choice(PAIRS)
    task = dice.chance.choices(("transform", "publish"), weights=(1, 5))[0]
    trap = None
    if dice.chance.random() < 0.6:
        trap = moments.draw_trap(dice.chance, PARTITIONED, task)
    after = dice.chance.uniform(0, 0.1)
    return dice.plan(PARTITIONED, task, task, trap=trap, second_after=after, main=main, other=other)


def _meanwhile(dice: Dice) -> Plan:
    """Publish another month while a run is held in its publication."""
    main, other = dice.chance.choice(PAIRS)
    trap = moments.draw_trap(dice.chance, PARTITIONED, "publish", "pause")
    return dice.plan(
        PARTITIONED, "publish", trap=trap, beside="another run", main=main, other=other
    )


def _between(dice: Dice) -> Plan:
    """Kill a run in its publication, and publish another month before the next attempt."""
    main, other = dice.chance.choice(PAIRS)
    trap = moments.draw_trap(dice.chance, PARTITIONED, "publish")
    again = dice.again(PARTITIONED, "publish")
    return dice.plan(
        PARTITIONED, "publish", trap=trap, again=again, between=True, main=main, other=other
    )


def _people(dice: Dice) -> Plan:
    """Give the table another state while a run is held in its publication."""
    deeds: tuple[Beside, ...] = ("roll back further", "roll back further", "garbage-collection")
    beside = dice.chance.choice((*deeds, "clean everything"))
    trap = moments.draw_trap(dice.chance, PARTITIONED, "publish", "pause")
    later: list[Later] | None = [] if beside == "clean everything" else None
    return dice.plan(PARTITIONED, "publish", trap=trap, beside=beside, later=later)


def _rolled_back(dice: Dice) -> Plan:
    """Publish in spite of a kill, roll that back, and publish another month."""
    trap = moments.draw_trap(dice.chance, PARTITIONED, "publish")
    later = dice.later_runs()
    return dice.plan(PARTITIONED, "publish", "publish", trap=trap, later=later)


KINDS: Mapping[str, tuple[int, Callable[[Dice], Plan]]] = {
    "months at once": (3, _at_once),
    "a month meanwhile": (4, _meanwhile),
    "a month between": (3, _between),
    "people meanwhile": (2, _people),
    "rolled back months": (2, _rolled_back),
}
