"""What the runtime costs, beside Hamilton's own driver: a program of the transforms' environment.

`python overhead.py overhead NODES ROUNDS`, `… fingerprints NODES ROUNDS`, `… memory WAY ROWS`,
`… branches ROWS ROUNDS`; each prints a JSON object, of seconds or bytes.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import pandas as pd
from hamilton import base, driver
from hamilton.ad_hoc_utils import create_temporary_module
from hamilton.function_modifiers import group, inject, parameterize, source, value

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import File, Param
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.runner import Outbox
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.checkpoints import fingerprint_nodes
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import ordered_nodes
from isthmus_transforms.runtime.plan import Plan

_LONGEST_CHAIN = 400  # Hamilton's driver is recursive
Function = Callable[..., object]


def wide(rows: int) -> pd.DataFrame:
    """Twenty columns of numbers."""
    return pd.DataFrame({f"c{n}": np.full(rows, float(n)) for n in range(20)})


def filled(wide: pd.DataFrame) -> pd.DataFrame:
    """The frame, and one more."""
    return wide + 1


def scaled(filled: pd.DataFrame) -> pd.DataFrame:
    """Twice as much."""
    return filled * 2


def clipped(scaled: pd.DataFrame) -> pd.DataFrame:
    """At most thirty."""
    return scaled.clip(0, 30)


def centred(clipped: pd.DataFrame) -> pd.DataFrame:
    """Without the mean."""
    return clipped - clipped.mean()


def unused(filled: pd.DataFrame, scaled: pd.DataFrame, clipped: pd.DataFrame) -> int:
    """What no target needs."""
    return len(filled) + len(scaled) + len(clipped)


def last(centred: pd.DataFrame) -> float:
    """One number."""
    return float(centred.sum().sum())


def overhead(nodes: int, rounds: int) -> Mapping[str, float]:
    """Measure trivial functions, in chains: seconds of a run by each, once their graphs are built.

    Events go through a pipe to another process, as a runner's do.
    """
    module = _chains(nodes, _LONGEST_CHAIN)
    theirs = _driver(module, {})
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        assert reader.stdin
        with os.fdopen(os.dup(reader.stdin.fileno()), "w", encoding="utf-8") as stream:
            outbox = Outbox(stream, 2)
            found = _medians(
                rounds,
                {
                    "hamilton": lambda: theirs.execute(["last"]),
                    "ours": _computing(module, lambda plan: plan.compute({}, outbox.send)),
                    "announced": _computing(
                        module, lambda plan: plan.compute({}, outbox.send, send_graph=True)
                    ),
                },
            )
            chain = _chains(nodes, nodes)
            found |= _medians(
                rounds, {"chain": _computing(chain, lambda plan: plan.compute({}, outbox.send))}
            )
        reader.stdin.close()
    return found


def fingerprints(nodes: int, rounds: int) -> Mapping[str, float]:
    """Measure the fingerprints of functions that share a helper, and of one that is parameterized.

    Everything is measured that a run does before it knows which results it can reuse: the search
    of libraries for our own code too, but not the look-up of installed versions, once in a process.
    """
    with TemporaryDirectory() as folder:
        Path(folder, "plain.py").write_text("\n".join(_plain_functions(nodes)), encoding="utf-8")
        sys.path.insert(0, folder)
        import plain  # type: ignore[import-not-found]  # noqa: PLC0415 - it was just written

    found: dict[str, float] = {}
    for name, module in (("plain", plain), ("parameterized", _chains(nodes, _LONGEST_CHAIN))):
        graph = build_graph([module], {})
        ordered = ordered_nodes(graph, ["last"], ())
        assert len(ordered) == nodes
        assert not fingerprint_nodes(ordered, {}, {}).missing
        found |= _medians(
            rounds, {name: lambda ordered=ordered: fingerprint_nodes(ordered, {}, {})}
        )
    return found


def _plain_functions(nodes: int) -> Iterator[str]:
    yield "RATE = 2\ndef _helped(x): return x * RATE\ndef n0() -> int: return 1"
    names = [f"n{number}" for number in range(nodes - 1)] + ["last"]
    for number, (before, name) in enumerate(pairwise(names)):
        yield f"def {name}({before}: int) -> int:\n    return _helped({before}) + {number}"


def memory(way: str, rows: int) -> Mapping[str, float]:
    """Measure the largest memory that a pipeline of wide frames takes beyond what libraries do."""
    module = _module(wide, filled, scaled, clipped, centred, unused, last)
    params = {"rows": rows}
    theirs = _driver(module, params)
    ours = _computing(module, lambda plan: plan.compute({}, lambda _event: None), params)
    run = {"hamilton": lambda: theirs.execute(["last"]), "ours": ours}[way]
    before = _peak()
    run()
    return {way: _peak() - before}


def branches(rows: int, rounds: int) -> Mapping[str, float]:
    """Measure branches that release the interpreter lock: seconds in sequence and in threads."""
    module = _branches(rows)
    engines = {
        "sequential": EngineProfile("sequential", {}),
        "threads": EngineProfile("threads", {"workers": 2}),
    }
    return _medians(
        rounds,
        {
            name: _computing(
                module, lambda plan, engine=engine: plan.compute({}, lambda _event: None, engine)
            )
            for name, engine in engines.items()
        },
    )


def _chains(nodes: int, longest: int) -> ModuleType:
    """Return functions in chains, and one that takes the end of each."""
    numbers = range(nodes - 1)
    starts = [number for number in numbers if number % longest == 0]
    rest = [number for number in numbers if number % longest]
    ends = [number for number in numbers if (number + 1) % longest == 0 or number == nodes - 2]

    @parameterize(**{f"n{start}": {"one": value(1)} for start in starts})
    def first(one: int) -> int:
        return one

    @parameterize(**{f"n{number}": {"before": source(f"n{number - 1}")} for number in rest})
    def link(before: int) -> int:
        return before + 1

    @inject(ends=group(*(source(f"n{end}") for end in ends)))
    def last(ends: list[int]) -> int:
        return len(ends)

    return _module(*([first, link, last] if rest else [first, last]))


def _branches(rows: int) -> ModuleType:
    """Return functions that each sort as many numbers, and one that takes what all have made."""
    names = [f"sorted_{n}" for n in range(8)]

    @parameterize(**{name: {"seed": value(n)} for n, name in enumerate(names)})
    def ordered(seed: int) -> np.ndarray:
        return np.sort(np.random.default_rng(seed).random(rows))

    @inject(parts=group(*map(source, names)))
    def last(parts: list[np.ndarray]) -> float:
        return float(sum(part[0] for part in parts))

    return _module(ordered, last)


def _module(*functions: Function) -> ModuleType:
    return create_temporary_module(*functions, module_name=f"measured_{len(sys.modules)}")


def _driver(module: ModuleType, config: Mapping[str, object]) -> driver.Driver:
    builder = driver.Builder().with_modules(module).with_config(dict(config))
    return builder.with_adapters(base.DictResult()).build()


def _computing(
    module: ModuleType, compute: Callable[[Plan], object], params: Mapping[str, int] | None = None
) -> Callable[[], object]:
    """Return what computes the last function, on a graph that exists already."""
    given = params or {}
    contract = Contract(
        name="measured",
        version="1.0.0",
        owner="benchmarks",
        description="Is measured.",
        inputs=(),
        params=tuple(Param(name, "integer", default, "Number.") for name, default in given.items()),
        outputs=(File("last", "The last.", ".txt"),),
    )
    graph = Dataflow(contract, (module,)).plan(["last"]).graph

    def run() -> object:
        nodes = ordered_nodes(graph, ["last"], given.keys())
        return compute(Plan(contract, (module,), graph, {"last": "last"}, given, nodes))

    return run


def _medians(rounds: int, actions: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if number:  # the first does not count
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    if kind == "overhead":
        found = overhead(*map(int, arguments))
    elif kind == "fingerprints":
        found = fingerprints(*map(int, arguments))
    elif kind == "memory":
        found = memory(arguments[0], int(arguments[1]))
    else:
        found = branches(*map(int, arguments))
    sys.stdout.write(json.dumps(found))
