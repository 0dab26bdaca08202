"""What a runner's environment may contain: an allow-list, never the platform's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from isthmus_contracts.protocol import DATAFLOW_VARIABLE

ALLOWED = ("LANG", "LC_ALL", "LC_CTYPE", "PATH", "TZ")


def runner_environment(
    dataflow: str, home: Path, scratch: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a runner, which says what it will be asked for.

    `home` outlives the attempt, so that libraries keep their caches; `scratch` is the attempt's
    own. `extra` is what the deployment adds.
    """
    kept = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    own = {"HOME": str(home), "TMPDIR": str(scratch), DATAFLOW_VARIABLE: dataflow}
    return {**kept, **own, **extra}
