"""What the runtime costs, beside Hamilton's own driver: a program of the transforms' environment.

`python functions.py overhead NODES ROUNDS`, `… memory WAY ROWS`, `… branches ROWS ROUNDS`; each
prints a JSON object, of seconds or bytes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from hamilton import base, driver

from isthmus_contracts import Dataflow as Contract
from isthmus_contracts import File
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.runner import Outbox
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.plan import Plan
from isthmus_transforms.runtime.steps import ordered_nodes

_LONGEST_CHAIN = 400  # Hamilton's driver is recursive
_WIDE = """
import numpy as np
import pandas as pd

def wide() -> pd.DataFrame:
    return pd.DataFrame({f"c{n}": np.full(ROWS, float(n)) for n in range(20)})

def filled(wide: pd.DataFrame) -> pd.DataFrame:
    return wide + 1

def scaled(filled: pd.DataFrame) -> pd.DataFrame:
    return filled * 2

def clipped(scaled: pd.DataFrame) -> pd.DataFrame:
    return scaled.clip(0, 30)

def ranked(clipped: pd.DataFrame) -> pd.DataFrame:
    return clipped - clipped.mean()

def unused(filled: pd.DataFrame, scaled: pd.DataFrame, clipped: pd.DataFrame) -> int:
    return 0

def last(ranked: pd.DataFrame) -> float:
    return float(ranked.sum().sum())
"""
_BRANCHES = (
    """
import numpy as np

def rows() -> int:
    return ROWS
"""
    + "".join(
        f"""
def sorted_{n}(rows: int) -> np.ndarray:
    return np.sort(np.random.default_rng({n}).random(rows))
"""
        for n in range(8)
    )
    + """
def last(ARGUMENTS) -> float:
    return float(sum(each[0] for each in (NAMES,)))
"""
)


def overhead(nodes: int, rounds: int) -> Mapping[str, float]:
    """Measure trivial functions, in chains: seconds of a run by each, once their graphs are built.

    Events go through a pipe to another process, as a runner's do.
    """
    module = _module(_chains(nodes, _LONGEST_CHAIN))
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
                        module, lambda plan: plan.compute({}, outbox.send, announce=True)
                    ),
                },
            )
            chain = _module(_chains(nodes, nodes))
            found |= _medians(
                rounds, {"chain": _computing(chain, lambda plan: plan.compute({}, outbox.send))}
            )
        reader.stdin.close()
    return found


def memory(way: str, rows: int) -> Mapping[str, float]:
    """Measure the largest memory that a pipeline of wide frames takes beyond what libraries do."""
    module = _module(_WIDE.replace("ROWS", str(rows)))
    run: Callable[[], object]
    if way == "hamilton":
        theirs = _driver(module, {})
        run = lambda: theirs.execute(["last"])  # noqa: E731
    else:
        run = _computing(module, lambda plan: plan.compute({}, lambda _event: None))
    before = _peak()
    run()
    return {way: _peak() - before}


def branches(rows: int, rounds: int) -> Mapping[str, float]:
    """Measure branches that let go of the interpreter: seconds one by one, and in two threads."""
    names = [f"sorted_{n}" for n in range(8)]
    source = _BRANCHES.replace("ROWS", str(rows)).replace("NAMES", ", ".join(names))
    module = _module(source.replace("ARGUMENTS", ", ".join(f"{n}: np.ndarray" for n in names)))
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


def _chains(nodes: int, longest: int) -> str:
    lines, ends = [], []
    for number in range(nodes - 1):
        if number % longest == 0:
            lines.append(f"def n{number}() -> int: return 1")
            if number:
                ends.append(f"n{number - 1}")
        else:
            lines.append(f"def n{number}(n{number - 1}: int) -> int: return n{number - 1} + 1")
    ends.append(f"n{nodes - 2}")
    lines.append(f"def last({', '.join(f'{each}: int' for each in ends)}) -> int: return 1")
    return "\n".join(lines)


def _module(source: str) -> ModuleType:
    path = Path(tempfile.mkdtemp()) / "functions.py"
    path.write_text(source, encoding="utf-8")
    name = f"measured_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Hamilton looks there
    spec.loader.exec_module(module)
    return module


def _driver(module: ModuleType, config: Mapping[str, object]) -> driver.Driver:
    builder = driver.Builder().with_modules(module).with_config(dict(config))
    return builder.with_adapters(base.DictResult()).build()


def _computing(module: ModuleType, compute: Callable[[Plan], object]) -> Callable[[], object]:
    """Return what computes the last function, on a graph that is built already."""
    contract = Contract(
        name="measured",
        version="1.0.0",
        owner="benchmarks",
        description="Is measured.",
        inputs=(),
        outputs=(File("last", "The last.", ".txt"),),
    )
    graph = Dataflow(contract, (module,)).plan(["last"]).graph

    def run() -> object:
        nodes = ordered_nodes(graph, ["last"], ())
        return compute(Plan(contract, (module,), graph, {"last": "last"}, {}, None, nodes))

    return run


def _medians(rounds: int, actions: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if number:  # the first does not count
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    if kind == "overhead":
        found = overhead(*map(int, arguments))
    elif kind == "memory":
        found = memory(arguments[0], int(arguments[1]))
    else:
        found = branches(*map(int, arguments))
    sys.stdout.write(json.dumps(found))
