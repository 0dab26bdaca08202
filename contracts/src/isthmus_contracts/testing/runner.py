"""A runner that computes nothing: it stages files that were prepared beforehand.

It knows the dataflows of `sample_catalog`.

`python -m isthmus_contracts.testing.runner --outputs DIR` takes `<target>.*` from DIR for each
target: a `.json` file holds metrics, everything else is staged as it is. Of a partitioned table it
takes `<target>/<partition>.*`, in a run for an interval only of its partitions. Asked for a stage,
it stages one file that names the stage boundary. `--fault` makes it misbehave in one of the ways
that a platform must survive.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from isthmus_contracts.dataflows import DataflowContract
from isthmus_contracts.errors import ContractError, ProtocolError, UnknownNameError
from isthmus_contracts.params import Param, resolve_params
from isthmus_contracts.partitions import Interval
from isthmus_contracts.protocol import (
    Answer,
    Capabilities,
    CapabilitiesRequest,
    Graph,
    GraphNode,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    OutputStaged,
    RunFailure,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
    answer_version,
    decode_request,
    encode,
    wire,
)
from isthmus_contracts.tables import Table
from isthmus_contracts.testing.false_results import FALSE_RESULTS
from isthmus_contracts.testing.sample_catalog import CATALOG

_CODE_VERSION = "stand-in"
_Send: TypeAlias = Callable[[Answer], None]

FAULTS = {
    "silent": "exits with 0 and sends no result",
    "garbage": "writes a line that is not a message",
    "raising": "reports a node that raised",
    "crash": "dies without a word",
    "hanging": "never ends, and neither does its child",
    "late-exit": "sends a result, then exits with 3",
    "missing-file": "names a file that is not there",
    "wrong-digest": "claims a digest that is not the file's",
    "link": "stages a link instead of a file",
    "outside": "names a file outside its staging directory",
    "other-run": "answers for another run",
    "unnamed": "leaves an output out of its result",
    "stray": "leaves a file that its result does not name",
    "wrong-partition": "names a partition that is not asked for",
    "other-format": "stages a table that is not an Arrow IPC stream",
}


def main(arguments: list[str] | None = None) -> int:
    """Serve the one request on standard input; return the exit status."""
    parser = argparse.ArgumentParser(prog="isthmus_contracts.testing.runner", description=__doc__)
    parser.add_argument(
        "--outputs", type=Path, required=True, help="the directory of the prepared outputs"
    )
    parser.add_argument("--fault", choices=sorted(FAULTS), help="how to misbehave")
    options = parser.parse_args(arguments)
    line = sys.stdin.readline()
    send = partial(_send, answer_version(line))
    try:
        request = decode_request(line)
        threading.Thread(target=_stop_with_platform, daemon=True).start()
        if isinstance(request, CapabilitiesRequest):
            send(_capabilities())
            return 0
        dataflow = _check(request)
    except ContractError as error:
        send(RunFailure("request", str(error)))
        return 2
    return _serve(request, dataflow, options.outputs, options.fault, send)


def _stop_with_platform() -> None:
    sys.stdin.read()
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(4)


def _send(version: int, answer: Answer) -> None:
    sys.stdout.write(encode(answer, version) + "\n")
    sys.stdout.flush()


def _capabilities() -> Capabilities:
    return Capabilities(
        wire.ACCEPTED,
        _CODE_VERSION,
        {str(dataflow.identity): dataflow.version for dataflow in CATALOG.dataflows},
        {},
        {"local": (Param("workers", "integer", 1, "Number of calls at once.", minimum=1),)},
        {"python": ".".join(map(str, sys.version_info[:3]))},
    )


def _check(request: RunRequest) -> DataflowContract:
    dataflow = CATALOG.dataflow(request.dataflow)
    if request.contract_version != dataflow.version:
        raise UnknownNameError("contract version", request.contract_version, [dataflow.version])
    resolve_params(dataflow.params, request.params)
    if request.interval is not None:
        dataflow.check_interval(request.interval)
    targets = [output.name for output in (*dataflow.outputs, *dataflow.checkpoints)]
    for name in request.targets:
        if name not in targets:
            raise UnknownNameError("target", name, targets)
    for declared in dataflow.inputs:
        if declared.name not in request.inputs:
            raise UnknownNameError("input", declared.name, request.inputs)
    if request.stop_at is not None:
        if request.stop_at not in targets:
            raise UnknownNameError("stage boundary", request.stop_at, targets)
        if request.checkpoints is None:
            raise ProtocolError(
                "RunRequest.checkpoints", f"a stage until {request.stop_at!r} needs it"
            )
    return dataflow


def _serve(
    request: RunRequest, dataflow: DataflowContract, outputs: Path, fault: str | None, send: _Send
) -> int:
    if fault == "garbage":
        sys.stdout.write("Traceback (most recent call last): just kidding\n")
        return 0
    send(Graph(time.time(), _nodes(request)))
    if fault in ("silent", "crash", "raising", "hanging"):
        return _stop_early(fault, request.targets[0], send)
    parted = {table.name: table for table in dataflow.partitioned}
    staged = []
    intermediates: tuple[StagedFile, ...] = ()
    if request.stop_at is not None:
        intermediates = (_checkpoint(request.stop_at, Path(request.staging)),)
    for target in request.targets if request.stop_at is None else ():
        send(NodeStarted(time.time(), target))
        if target in parted:
            output = _stage_parts(parted[target], outputs, Path(request.staging), request.interval)
        else:
            output = _stage(target, outputs, Path(request.staging))
        send(NodeFinished(time.time(), target, 0.0))
        send(OutputStaged(time.time(), target, sum(file.bytes for file in output.files)))
        staged.append(output)
    head = (request.identity, request.dataflow, dataflow.version, _CODE_VERSION)
    result = RunResult(*head, tuple(staged), intermediates)
    if fault in FALSE_RESULTS:
        result = FALSE_RESULTS[fault](result, Path(request.staging))
    time.sleep(0.05)  # so that a platform which is gone is noticed before the result
    send(result)
    return 3 if fault == "late-exit" else 0


def _nodes(request: RunRequest) -> tuple[GraphNode, ...]:
    inputs = tuple(GraphNode(name, "input", "table", "An input.", ()) for name in request.inputs)
    return inputs + tuple(
        GraphNode(name, "function", "output", "A prepared output.", tuple(request.inputs), name)
        for name in request.targets
    )


def _stop_early(fault: str, node: str, send: _Send) -> int:
    send(NodeStarted(time.time(), node))
    if fault == "raising":
        send(NodeFailed(time.time(), node, 0.0, "ZeroDivisionError: division by zero"))
        send(RunFailure("dataflow", "ZeroDivisionError: division by zero", node, node, "x.py", 1))
        return 1
    if fault == "hanging":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        child.wait()
    return 0 if fault == "silent" else 7


def _stage(target: str, outputs: Path, staging: Path) -> StagedOutput:
    found = sorted(outputs.glob(f"{target}.*"))
    if not found:
        raise FileNotFoundError(f"no prepared output {target!r} in {outputs}")
    if found[0].suffix == ".json":
        return StagedOutput(target, metrics=json.loads(found[0].read_text(encoding="utf-8")))
    return StagedOutput(target, (_copied(found[0], staging, found[0].name),))


def _stage_parts(
    table: Table, outputs: Path, staging: Path, interval: Interval | None
) -> StagedOutput:
    found = sorted((outputs / table.name).glob("*.*"))
    if interval is not None and table.partitioning is not None:
        names = table.partitioning.names(interval)
        found = [result for result in found if result.stem in names]
    if found:
        (staging / table.name).mkdir(exist_ok=True)
    return StagedOutput(
        table.name,
        tuple(
            replace(_copied(result, staging, f"{table.name}/{result.name}"), partition=result.stem)
            for result in found
        ),
    )


def _checkpoint(boundary: str, staging: Path) -> StagedFile:
    (staging / "saved.checkpoint").write_text(f"what is known at {boundary}", encoding="utf-8")
    return _claimed(staging, "saved.checkpoint")


def _copied(prepared: Path, staging: Path, path: str) -> StagedFile:
    shutil.copyfile(prepared, staging / path)
    return _claimed(staging, path)


def _claimed(staging: Path, path: str) -> StagedFile:
    content = (staging / path).read_bytes()
    return StagedFile(path, len(content), hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    sys.exit(main())
