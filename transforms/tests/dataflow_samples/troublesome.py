"""Functions that are hard on a runner, each with its own output."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import File
from isthmus_transforms.runtime import Dataflow


def printing() -> str:
    """Write to standard output in every way."""
    print("printed")  # noqa: T201
    sys.stdout.write("written\n")
    os.write(1, b"written below\n")
    subprocess.run(["echo", "echoed"], check=True)
    return "done"


def asking() -> str:
    """Read the rest of standard input."""
    return f"heard {sys.stdin.read()!r}"


def raising() -> str:
    """Fail."""
    return str(1 / 0)


def leaving() -> str:
    """Exit with status 0."""
    sys.exit(0)


def collecting() -> str:
    """Say whether garbage is collected, and whether libraries are excluded from that."""
    return f"{gc.isenabled()} {gc.get_freeze_count() > 10_000}"


def lasting() -> str:
    """Start a child, print its process id, and wait."""
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    print("child", child.pid, flush=True)  # noqa: T201
    time.sleep(600)
    return "too late"


dataflow = Dataflow(
    Contract(
        name="troublesome",
        version="1.0.0",
        owner="tests",
        description="Is hard on a runner.",
        inputs=(),
        outputs=tuple(
            File(name, "Trouble.", ".txt")
            for name in ("printing", "asking", "raising", "leaving", "collecting", "lasting")
        ),
    ),
    modules=(sys.modules[__name__],),
)
