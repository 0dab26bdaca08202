"""What it costs to keep results, and what that saves after a failure: a program that prints JSON.

`python resuming.py SHAPE CUT ROWS ROUNDS` prints medians of the rounds, in seconds, and shares. The
functions are of `pipelines.py`, `beside` each other or one `after` another; the contract declares a
checkpoint at the node `CUT`, unless that is empty. Each run has a process of its own and a new
directory in that for temporary files; the failing run's is the resumed run's.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pipelines

from isthmus_contracts import Checkpoint, Column, File, Table
from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts.dataflows import Input
from isthmus_contracts.protocol import CheckpointWritten, Event, NodeFinished, NodeStarted
from isthmus_transforms.runtime import Dataflow

_LASTS = {"beside": "weights", "after": f"step_{pipelines.STEPS - 1}"}
_DONE = 0.9


class _StoppedError(Exception):
    """End a run from outside."""


@dataclass
class Run:
    """Hold what a run took: all of it, each of its functions in their order, and saving."""

    seconds: float = 0.0
    functions: list[float] = field(default_factory=list)
    saved: list[CheckpointWritten] = field(default_factory=list)

    @property
    def computing(self) -> float:
        """Return what its functions took."""
        return sum(self.functions)

    def count_at(self, share: float) -> int:
        """Return after how many functions about that share of the computing is done."""
        done = list(accumulate(self.functions, initial=0.0))
        return min(range(len(done)), key=lambda count: abs(done[count] - share * done[-1]))


def dataflow_of(shape: str, cut: str) -> Dataflow:
    """Return the pipeline, whose contract declares a checkpoint at the node `cut`, if any."""
    legs = Table("legs", "Flights.", (Column("carrier", "int64", "Airline."),))
    contract = Contract(
        name="measured",
        version="1.0.0",
        owner="benchmarks",
        description="Is measured.",
        inputs=(Input(legs, "airline"),),
        outputs=(File(_LASTS[shape], "The last.", ".txt"),),
        checkpoints=(Checkpoint("cut", "Where it is measured."),) if cut else (),
    )
    return Dataflow(contract, (pipelines,), {"cut": cut} if cut else {})


def run(dataflow: Dataflow, legs: pd.DataFrame, kept: Path | None, stop: int | None = None) -> Run:
    """Return what a run takes; it is stopped from outside when so many functions have ended."""
    (target,) = (output.name for output in dataflow.contract.outputs)
    found = Run()

    def on_event(event: Event) -> None:
        if isinstance(event, NodeStarted) and len(found.functions) == stop:
            raise _StoppedError
        if isinstance(event, NodeFinished):
            found.functions.append(event.seconds)
        elif isinstance(event, CheckpointWritten):
            found.saved.append(event)

    start = time.perf_counter()
    with suppress(_StoppedError):
        dataflow.compute([target], {"legs": legs}, on_event=on_event, checkpoints=kept)
    found.seconds = time.perf_counter() - start
    assert stop in (None, len(found.functions)), "it has not failed"
    return found


def apart(
    dataflow: Dataflow, legs: pd.DataFrame, kept: Path | None, stop: int | None = None
) -> Run:
    """Return what `run` returns, in a process that has computed nothing before."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=lambda: there.send(run(dataflow, legs, kept, stop)))
    process.start()
    there.close()
    found: Run = here.recv()
    process.join()
    return found


def measure(shape: str, cut: str, rows: int, rounds: int) -> Mapping[str, float]:
    """Measure whole runs without and with saving, and one that goes on from a failed one."""
    dataflow, legs = dataflow_of(shape, cut), pipelines.legs_of_year(rows)
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        with TemporaryDirectory() as folder:
            whole = apart(dataflow, legs, None)
            saving = apart(dataflow, legs, Path(folder, "whole"))
            count = whole.count_at(_DONE)
            apart(dataflow, legs, Path(folder, "failed"), count)
            resumed = apart(dataflow, legs, Path(folder, "failed"))
        if number:  # the first does not count
            found["whole"].append(whole.seconds)
            found["saving"].append(saving.seconds)
            found["resumed"].append(resumed.seconds)
            found["done"].append(sum(whole.functions[:count]) / whole.computing)
            found["anew"].append(len(resumed.functions))
            found["saves"].append(len(saving.saved))
            found["saved"].append(sum(event.bytes for event in saving.saved))
            found["told"].append(sum(event.seconds for event in saving.saved))
    return {name: statistics.median(result) for name, result in found.items()}


if __name__ == "__main__":
    kind, where, size, times = sys.argv[1:]
    sys.stdout.write(json.dumps(measure(kind, where, int(size), int(times))))
