"""A runner that lies: it has a real one work, then changes what that has staged, or its result.

`python liar.py LIE FILE`, where FILE is a table's file that another run has published.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TABLE = "days.parquet"


def main(lie: str, other: str) -> int:
    """Serve one request with a lie; the exit status says that all went well."""
    line = sys.stdin.readline()
    staging = Path(json.loads(line)["staging"])
    command = [sys.executable, "-m", "isthmus_transforms.runner"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdin
        assert runner.stdout
        runner.stdin.write(line)
        runner.stdin.flush()
        for each in runner.stdout:
            answer = json.loads(each)
            if answer["type"] == "result":
                (table,) = [file for file in _files(answer) if file["path"] == TABLE]
                LIES[lie](table, staging, Path(other))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    return 0


def _has_no_file(_table: Any, staging: Path, _other: Path) -> None:  # noqa: ANN401 - JSON
    (staging / TABLE).unlink()


def _counts_wrong(table: Any, _staging: Path, _other: Path) -> None:  # noqa: ANN401 - JSON
    table["rows"] += 1


def _takes_anothers(_table: Any, staging: Path, other: Path) -> None:  # noqa: ANN401 - JSON
    (staging / TABLE).unlink()
    (staging / TABLE).hardlink_to(other)


def _files(answer: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return [file for output in answer["outputs"] for file in output["files"]]


LIES = {
    "no file": _has_no_file,
    "wrong count": _counts_wrong,
    "another's file": _takes_anothers,
}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
