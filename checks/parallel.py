"""Run nox sessions beside each other, and show the output of each in one piece."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

NOX = (str(Path(sys.executable).with_name("nox")),)
EPILOG = """\
Sessions start in the order given, so name the longest first. Each gets what follows `--`. While a
session runs, its output is in LOGS/SESSION.log; when it has ended, the output is printed whole.
Every session runs, also after another has failed.

exit status:
  0 every session passed; 1 a session failed; 130 interrupted
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """Say how a session ended, how long it took, and where its output is."""

    session: str
    status: int
    seconds: float
    log: Path

    def __str__(self) -> str:
        how = "passed" if self.status == 0 else f"FAILED with status {self.status}"
        return f"{self.session:14} {how} in {self.seconds:.0f} s"


def main(arguments: Sequence[str] | None = None, nox: Sequence[str] = NOX) -> int:
    """Run the command line; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    dashes = given.index("--") if "--" in given else len(given)
    options, passed = _parser().parse_args(given[:dashes]), given[dashes:]
    options.logs.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    ended = []
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [
            pool.submit(_run, [*nox, "-s", session, *passed], options.logs / f"{session}.log")
            for session in options.sessions
        ]
        try:
            for future in as_completed(futures):
                ended.append(future.result())
                _show(ended[-1], whole=bool(ended[-1].status) or not options.brief)
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            return 130
    failed = [session for session in ended if session.status]
    _say("", *map(str, ended), f"{'all':14} in {time.monotonic() - began:.0f} s")
    if failed:
        _say(*(f"output of {session.session}: {session.log}" for session in failed))
    return 1 if failed else 0


def _run(command: Sequence[str], log: Path) -> Ended:
    _say(f"{log.stem:14} begins: {log}")
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    return Ended(log.stem, done.returncode, time.monotonic() - began, log)


def _show(ended: Ended, *, whole: bool) -> None:
    if not whole:
        return
    rule = "=" * 100
    output = ended.log.read_text(encoding="utf-8", errors="replace")
    _say("", rule, str(ended), rule, output.rstrip("\n"), "")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _processors() -> int:
    # Where the system can say which processors this process may use, others are not counted.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sessions", nargs="+", metavar="SESSION")
    parser.add_argument(
        "--jobs",
        type=int,
        default=_processors(),
        metavar="N",
        help="how many sessions run at a time; default: one for each processor, %(default)s",
    )
    parser.add_argument(
        "--brief", action="store_true", help="print the output of sessions that fail, and no other"
    )
    parser.add_argument("--logs", type=Path, default=Path(".nox/logs"), help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
