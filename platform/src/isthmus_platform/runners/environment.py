"""The environment variables of a runner: an allow-list, never the platform's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from isthmus_contracts.protocol import DATAFLOW_VARIABLE

_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "PATH", "TZ")


def runner_environment(
    dataflow: str | None, home: Path, scratch: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a runner, which names the dataflow it will run, if known.

    `home` outlives the attempt, so that libraries keep their caches; `scratch` does not. `extra` is
    what the deployment adds.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = {"HOME": str(home), "TMPDIR": str(scratch)}
    if dataflow is not None:
        own[DATAFLOW_VARIABLE] = dataflow
    return {**inherited, **own, **extra}
