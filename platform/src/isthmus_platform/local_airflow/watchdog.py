"""A small process that outlives the starter, to stop the components if the starter cannot.

It reads their process ids from a pipe, which ends when the starter dies. A last line `done` means
that the starter has stopped everything itself. Until then the watchdog keeps the installation's
lock acquired.
"""

from __future__ import annotations

import signal
import sys

from isthmus_platform.local_airflow.shutdown import stop

DONE = "done"


def main() -> None:
    """Wait for the end of the pipe, then stop the components, unless that was done."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lines = [line.strip() for line in sys.stdin]
    if DONE not in lines:
        stop([int(line) for line in lines])


if __name__ == "__main__":
    main()
