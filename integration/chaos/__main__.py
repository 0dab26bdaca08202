"""Disturb real runs at random, and say whether one was green without a complete release."""

from __future__ import annotations

import argparse
import os
import random
import sys

from .bugs import BUGS
from .cases import Outcome
from .kinds import KINDS
from .sessions import Field, Session, table


def main() -> int:
    """Carry out cases; return 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m integration.chaos", description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="how many must be disturbed")
    parser.add_argument("--seed", type=int, help="the first seed; by default a fresh one")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--kind", action="append", choices=KINDS, default=[])
    parser.add_argument("--bug", choices=BUGS, help="plant a bug, to see that it is found")
    parser.add_argument("--verbose", action="store_true", help="print each plan as it ends")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    print(f"{options.cases} cases from seed {seed} on", flush=True)
    field = Field.prepare()

    def tell(session: Session, outcome: Outcome) -> None:
        if outcome.problems:
            print(f"\n{outcome.plan}")
            for problem in outcome.problems:
                print(f"  BROKEN: {problem}")
            print(f"  its folder: {outcome.folder}", flush=True)
        elif options.verbose:
            recovery = outcome.recovery if outcome.struck else "missed"
            print(f"{outcome.seconds:5.1f} s  {recovery:8} {outcome.plan}", flush=True)
        elif len(session.outcomes) % 10 == 0:
            print(f"{len(session.struck)} disturbed, {len(session.broken)} broken", flush=True)

    session = field.carry_out(
        options.cases,
        seed,
        workers=options.workers,
        wanted=lambda plan: not options.kind or plan.kind in options.kind,
        bug=options.bug,
        tell=tell,
    )
    print("\n".join(table(session)))
    for problem, times in session.impossible.items():
        print(f"NOT POSSIBLE HERE, and not counted: {times} cases: {problem}")
    for fault in session.faults:
        print(f"CHAOS ITSELF FAILED: {fault}")
    for outcome in session.broken:
        print(f"BROKEN: {outcome.plan}")
    passed = session.passed and len(session.struck) >= options.cases
    print(f"{'passed' if passed else 'FAILED'}: {len(session.struck)} cases from seed {seed} on")
    field.remove(keep=not passed)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
