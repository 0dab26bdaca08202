"""A runner that starts the real one, and changes its answers.

`python -I -S faulty_runner.py FAULT COMMAND...` passes the request on, and changes what comes back.
FAULT may be `another's file=PATH`, where PATH is a file that another run has published.
It needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

Answer = dict[str, Any]


def main(fault: str, command: list[str]) -> int:
    """Serve the request on standard input; return the exit status."""
    line = sys.stdin.readline()
    request = json.loads(line)
    runner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write(line)
    runner.stdin.flush()
    answers = [json.loads(answer) for answer in runner.stdout]
    status = runner.wait()
    if status != 0:
        raise SystemExit(f"the real runner failed: {answers[-1:]}")
    name, _, path = fault.partition("=")
    faults = ANSWER_FAULTS | {"another's file": _in_result(partial(_published_file, path))}
    for answer in faults[name](answers, request):
        sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 3 if fault == "bad status" else 0


def _in_result(change: Callable[[Answer, Path], None]) -> Callable[..., Iterator[Answer]]:
    def answer(answers: list[Answer], request: Answer) -> Iterator[Answer]:
        change(answers[-1], Path(request["staging"]))
        yield from answers

    return answer


def _files(result: Answer) -> list[Answer]:
    return [file for output in result["outputs"] for file in output["files"]]


def _missing_output(result: Answer, _: Path) -> None:
    del result["outputs"][-1]


def _missing_file(result: Answer, staging: Path) -> None:
    (staging / _files(result)[0]["path"]).unlink()


def _wrong_rows(result: Answer, _: Path) -> None:
    next(file for file in _files(result) if file["rows"] is not None)["rows"] += 1


def _no_table(result: Answer, staging: Path) -> None:
    """Replace a table by a file that is not a stream, with the right digest."""
    file = _files(result)[0]
    content = b"\xff\xff\xff\xff" + os.urandom(200) + b"\xff\xff\xff\xff\0\0\0\0"
    (staging / file["path"]).write_bytes(content)
    file |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _wrong_digest(result: Answer, _: Path) -> None:
    _files(result)[-1]["sha256"] = "0" * 64


def _other_run(result: Answer, _: Path) -> None:
    result["identity"]["run"] = "another"


def _earlier_attempt(result: Answer, _: Path) -> None:
    result["identity"]["try_number"] -= 1


def _others_file(result: Answer, staging: Path) -> None:
    """Name a file beside the staging directory, as if it were another run's."""
    file = _files(result)[0]
    name = Path(file["path"]).name
    (staging / file["path"]).rename(staging.parent / "scratch" / name)
    file["path"] = f"../scratch/{name}"


def _published_file(path: str, result: Answer, staging: Path) -> None:
    staged = staging / _files(result)[0]["path"]
    staged.unlink()
    staged.hardlink_to(path)


def _link_to_others_file(result: Answer, staging: Path) -> None:
    path = staging / _files(result)[0]["path"]
    path.rename(staging.parent / "scratch" / path.name)
    path.symlink_to(staging.parent / "scratch" / path.name)


def _other_partition(result: Answer, _: Path) -> None:
    """Name another month, or a month for a table that has no partitions."""
    file = _files(result)[0]
    file["partition"] = "2013-05" if file.get("partition") == "2013-04" else "2013-04"


def _twice(result: Answer, _: Path) -> None:
    result["outputs"].append(result["outputs"][0])


def _stray(_: Answer, staging: Path) -> None:
    (staging / "stray.arrows").write_bytes(b"who am I?")


def _other_contract(result: Answer, _: Path) -> None:
    result["contract_version"] = "9.9.9"


def _no_result(answers: list[Answer], _: Answer) -> Iterator[Answer]:
    yield from answers[:-1]


def _result_twice(answers: list[Answer], _: Answer) -> Iterator[Answer]:
    yield from [*answers, answers[-1]]


def _all_twice(answers: list[Answer], _: Answer) -> Iterator[Answer]:
    yield from [*answers, *answers]


def _events_twice(answers: list[Answer], _: Answer) -> Iterator[Answer]:
    for answer in answers[:-1]:
        yield from (answer, answer)
    yield answers[-1]


def _truth(answers: list[Answer], _: Answer) -> Iterator[Answer]:
    yield from answers


ANSWER_FAULTS: dict[str, Callable[[list[Answer], Answer], Iterator[Answer]]] = {
    "missing output": _in_result(_missing_output),
    "missing file": _in_result(_missing_file),
    "wrong row count": _in_result(_wrong_rows),
    "no table": _in_result(_no_table),
    "wrong digest": _in_result(_wrong_digest),
    "other run": _in_result(_other_run),
    "earlier attempt": _in_result(_earlier_attempt),
    "other's file": _in_result(_others_file),
    "link": _in_result(_link_to_others_file),
    "other partition": _in_result(_other_partition),
    "output twice": _in_result(_twice),
    "stray": _in_result(_stray),
    "other contract": _in_result(_other_contract),
    "no result": _no_result,
    "bad status": _truth,
    "result twice": _result_twice,
    "all twice": _all_twice,
    "events twice": _events_twice,
}
"""Each fault by its name; of those with `twice`, only duplicate events are harmless."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
