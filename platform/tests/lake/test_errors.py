"""Disks that are full: the limit of a file's size stands in for them, in a process of its own."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import DeltaError

from isthmus_contracts import DataflowContract
from isthmus_contracts.codec import serialize
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake import releases
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.storage import disk

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def files_in(lake: Lake) -> list[Path]:
    return sorted(path for path in lake.store.local("").rglob("*") if not path.is_dir())


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (FULL, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "Permission denied: x"),
        (DeltaError("two \x1b[31m↳\x1b[0m\nlines"), "two ↳ lines"),
    ],
)
def test_an_error_of_the_store_is_one_sentence(lake: Lake, error: Exception, problem: str) -> None:
    with pytest.raises(LakeUnavailableError) as refusal, translated(lake):
        raise error
    assert str(refusal.value) == f"the lake at {lake.address} cannot be used now: {problem}"


def test_a_full_disk_while_accepting_leaves_nothing(
    stage: Callable[..., Any],
    dataflow: DataflowContract,
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
    encoder: LocalEncoder,
) -> None:
    staged, calls = stage(), iter([None, FULL])
    flush = disk.flush

    def filling(path: Path) -> None:
        if error := next(calls, None):
            raise error
        flush(path)

    monkeypatch.setattr(disk, "flush", filling)
    with pytest.raises(LakeUnavailableError, match="No space left on device"):
        accept(dataflow, staged.request, staged.result, lake, encoder)
    assert files_in(lake) == []
    assert accept(dataflow, staged.request, staged.result, lake, encoder).run == "first"


LIMITED = """
import json, resource, runpy, sys
from pathlib import Path
from isthmus_contracts.codec import deserialize
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.storage import DiskStore
declared, lake, file, limit = sys.argv[1:]
dataflow = runpy.run_path(declared)["DATAFLOW"]
accepted = deserialize(Accepted, json.loads(Path(file).read_text()))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    publish(Lake(DiskStore(Path(lake))), dataflow, accepted, params={}, inputs={})
except LakeUnavailableError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 500, 1500])
def test_a_full_disk_while_publishing_is_reported_and_a_retry_publishes(
    accepted: Callable[..., Accepted],
    dataflow: DataflowContract,
    lake: Lake,
    tmp_path: Path,
    limit: int,
) -> None:
    first = accepted("first")
    before = files_in(lake)
    file = tmp_path / "accepted.json"
    file.write_text(json.dumps(serialize(first)))
    declared, root = Path(__file__).with_name("publishing_process.py"), lake.store.local("")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, (declared, root, file, limit))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"the lake at {lake.address} cannot be used now: "), done
    assert done.stdout.count("\n") == 1
    assert releases.current(lake, dataflow.identity) is None
    left = [file for file in files_in(lake) if file not in before]
    unread = {"_delta_log", "_manifests"}  # until a release names them
    assert all(unread & {*path.parts} and path.suffix == ".json" for path in left), left
    again = publication.publish(lake, dataflow, first, params={}, inputs={})
    assert releases.current(lake, dataflow.identity) == again
