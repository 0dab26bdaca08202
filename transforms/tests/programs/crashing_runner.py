"""A runner that is killed at an operation on its checkpoints.

`python crashing_runner.py ACTION KIND PATH NUMBER BYTES SIGN` serves a request as the real one
does. At the n-th operation of a kind (an audit event of Python's) on a path that matches, it is
killed; with the action `tear`, it dies when a file that is written then has so many bytes. The file
SIGN says that it did.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from fnmatch import fnmatch
from pathlib import Path

from isthmus_transforms import runner


def main(action: str, kind: str, path: str, *rest: str) -> None:
    """Serve the request on standard input, with a fault."""
    number, size, sign = int(rest[0]), int(rest[1]), Path(rest[2])
    if action == "tear":
        _survive_child(sign)
    limits, seen = resource.getrlimit(resource.RLIMIT_FSIZE), 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if fnmatch(event, kind) and fnmatch(str(arguments[0]), path):
            seen += 1
            if seen == number and action == "kill":
                sign.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if seen == number:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        elif event == "os.rename" and action == "tear":  # the file was smaller
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    sys.addaudithook(hear)
    runner.main()


def _survive_child(sign: Path) -> None:
    """Go on in a child; let this process end as the child does, and leave the sign if it died."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return
    os.close(0)
    os.close(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGXFSZ:
        sign.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(abs(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
