"""Drawing the parts that plans of every kind have."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from . import moments
from .orders import TASKS, Trap
from .plans import Later, Plan
from .spans import EMPTY, MAIN, PARTITIONED


class Dice:
    """Draw the parts that all plans have."""

    def __init__(self, seed: int, kind: str, chance: random.Random) -> None:
        self.seed, self.kind, self.chance = seed, kind, chance
        self.kept = chance.choices(("", "others", "own"), weights=(6, 2, 1))[0]

    def plan(
        self,
        dataflow: str,
        task: str,
        start: str | None = None,
        later: Sequence[Later] | None = None,
        rows: bool = False,
        **parts: Any,  # fields of a plan
    ) -> Plan:
        """Return a plan with a start and what is done later, drawn unless they are given.

        With `rows`, its run makes some.
        """
        start = start or self.start(task)
        later = tuple(self.later(dataflow) if later is None else later)
        if dataflow == PARTITIONED:
            parts.setdefault("main", self.span(rows))
        if dataflow in moments.KEEPING:
            parts.setdefault("kept", self.kept)
        for verb, name in (
            ("kill a clean", "garbage-collection"),
            ("kill a roll back", "rollback"),
        ):
            if verb in later:
                parts["later_trap"] = moments.draw_trap(self.chance, dataflow, name)
        return Plan(self.seed, self.kind, dataflow, start, task, later=later, **parts)

    def dataflow(self, share: float = 0.12, partitioned: float = 0.25) -> str:
        """Draw a dataflow; the dear one has a share, of the rest the partitioned one has one."""
        if self.chance.random() < share:
            return "flight_delays"
        return PARTITIONED if self.chance.random() < partitioned else "airport_days"

    def span(self, rows: bool) -> str:
        """Draw what the run is for that is disturbed."""
        spans = [each for each in MAIN if each != EMPTY or not rows]
        return self.chance.choices(spans, weights=[MAIN[each] for each in spans])[0]

    def start(self, task: str) -> str:
        """Start at the task itself, or now and then earlier."""
        return task if self.chance.random() < 0.85 else TASKS[max(0, TASKS.index(task) - 1)]

    def later(self, dataflow: str) -> list[Later]:
        """Draw what is done once all is well."""
        if dataflow == PARTITIONED and self.chance.random() < 0.5:
            return self.later_runs()
        choices: tuple[tuple[Later, ...], ...] = (
            (),
            ("publish again",),
            ("roll back",),
            ("roll back", "publish again"),
            ("garbage-collection",),
            ("clear",),
            ("roll back", "clear"),
            ("kill a clean",),
            ("kill a roll back",),
        )
        return list(self.chance.choices(choices, weights=(12, 3, 2, 3, 2, 1, 1, 2, 2))[0])

    def later_runs(self) -> list[Later]:
        """Draw something that ends with another run of a partitioned dataflow, or goes on."""
        then: Later = self.chance.choice(("another month", "another month", "an empty month"))
        choices: tuple[tuple[Later, ...], ...] = (
            (then,),
            ("roll back", then),
            ("roll back", then, "publish again"),
            ("roll back", then, "clear"),
            (then, "roll back", "clear"),
            ("garbage-collection", then),
        )
        return list(self.chance.choice(choices))

    def again(self, dataflow: str, task: str) -> Trap | None:
        """Now and then, strike the next try too."""
        if self.chance.random() < 0.75:
            return None
        return moments.draw_trap(self.chance, dataflow, task)
