"""A small process that outlives the starter, to stop the components if the starter cannot.

It reads their process ids from a pipe. The pipe ends when the starter dies, of whatever; after
`done` there is nothing to do. It holds the installation's lock until then.
"""

from __future__ import annotations

import signal
import sys

from isthmus_platform.local_airflow.shutdown import stop

DONE = "done"


def main() -> None:
    """Wait for the end of the pipe, then stop what is left."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lines = [line.strip() for line in sys.stdin]
    if DONE not in lines:
        stop([int(line) for line in lines])


if __name__ == "__main__":
    main()
