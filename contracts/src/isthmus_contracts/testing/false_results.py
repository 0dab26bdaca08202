"""Results that are false in one way each, for tests of the platform."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from isthmus_contracts.protocol import RunResult, StagedFile, StagedOutput


def _with_first_file(result: RunResult, change: Callable[[StagedFile], StagedFile]) -> RunResult:
    if result.checkpoints:
        return replace(result, checkpoints=(change(result.checkpoints[0]),))
    first = _with_files(result)
    changed = replace(first, files=(change(first.files[0]), *first.files[1:]))
    outputs = tuple(changed if output is first else output for output in result.outputs)
    return replace(result, outputs=outputs)


def _with_files(result: RunResult) -> StagedOutput:
    return next(output for output in result.outputs if output.files)


def _missing_file(result: RunResult, _staging: Path) -> RunResult:
    return _with_first_file(result, lambda file: replace(file, path="nowhere.arrows"))


def _wrong_digest(result: RunResult, _staging: Path) -> RunResult:
    return _with_first_file(result, lambda file: replace(file, sha256="0" * 64))


def _outside(result: RunResult, staging: Path) -> RunResult:
    path = _with_files(result).files[0].path
    shutil.copyfile(staging / path, staging.parent / path)
    return _with_first_file(result, lambda file: replace(file, path=f"../{file.path}"))


def _wrong_partition(result: RunResult, _staging: Path) -> RunResult:
    return _with_first_file(result, lambda file: replace(file, partition="1900-01"))


def _link(result: RunResult, staging: Path) -> RunResult:
    path = staging / _with_files(result).files[0].path
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))
    return result


def _other_run(result: RunResult, _staging: Path) -> RunResult:
    return replace(result, identity=replace(result.identity, run="another"))


def _unnamed(result: RunResult, _staging: Path) -> RunResult:
    return replace(result, outputs=result.outputs[1:])


def _stray(result: RunResult, staging: Path) -> RunResult:
    (staging / "stray.arrows").write_bytes(b"who am I?")
    return result


def _other_format(result: RunResult, staging: Path) -> RunResult:
    content = b"PAR1, or anything else that is not a stream"
    (staging / _with_files(result).files[0].path).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return _with_first_file(result, lambda file: replace(file, bytes=len(content), sha256=digest))


FALSE_RESULTS: dict[str, Callable[[RunResult, Path], RunResult]] = {
    "missing-file": _missing_file,
    "wrong-digest": _wrong_digest,
    "outside": _outside,
    "link": _link,
    "other-run": _other_run,
    "unnamed": _unnamed,
    "stray": _stray,
    "wrong-partition": _wrong_partition,
    "other-format": _other_format,
}
"""What makes a result false, by the name of the fault; it may change the staging directory, too."""
