"""Disturb real runs at random, and say whether one was successful without a complete release."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys

from .bugs import BUGS
from .cases import Outcome
from .sampler import KINDS
from .sessions import Field, Session, table


def main() -> int:
    """Carry out cases; return 0 if every case passes."""
    parser = argparse.ArgumentParser(prog="python -m integration.chaos", description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="how many must be disturbed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--kind", action="append", choices=KINDS, help="only these")
    parser.add_argument("--bug", choices=BUGS, help="plant a bug, to see that it is found")
    options = parser.parse_args()
    print(f"{options.cases} cases from seed {options.seed} on", flush=True)
    field = Field()

    def report(session: Session, outcome: Outcome) -> None:
        recovery = outcome.recovery if outcome.struck else "missed"
        print(f"{len(session.struck):3} {outcome.seconds:5.1f} s  {recovery:8} {outcome.plan}")
        for problem in outcome.problems:
            print(f"  BROKEN: {problem}; its folder: {outcome.folder}")
        sys.stdout.flush()

    session = field.carry_out(
        options.cases,
        options.seed,
        workers=options.workers,
        wanted=lambda plan: plan.kind in (options.kind or KINDS),
        bug=options.bug,
        report=report,
    )
    passed = session.passed and len(session.struck) >= options.cases
    print("\n".join(table(session)))
    print(*session.errors, *(f"BROKEN: {outcome.plan}" for outcome in session.broken), sep="\n")
    if passed:
        shutil.rmtree(field.root)
    outcome = "passed" if passed else f"FAILED, see {field.root}"
    print(f"{outcome}: {len(session.struck)} cases from seed {options.seed} on")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
