"""The programs in the transforms' own environment that benchmarks run."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

_TREE = Path(__file__).parents[1] / "transforms"


def answer_of(program: str, *arguments: object, **variables: str) -> Any:  # noqa: ANN401 - what it prints, as JSON
    """Run a program; a person's shell has none of what this process was started with."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [_TREE / ".venv/bin/python", _TREE / "tests/programs" / program, *map(str, arguments)],
        env=environment | variables,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)
