"""The DAG file: parsing it whole, and parsing it where a task runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clock import Effort, medians
from lines import Figure, Line
from sites import in_folder

import isthmus_contracts
import isthmus_platform.dags
from isthmus_contracts.catalog import CATALOG

_HERE = Path(__file__).parent
_OURS = Path(isthmus_platform.dags.__file__).with_name("isthmus_dags.py")
_NAMES = tuple(dataflow.name for dataflow in CATALOG.dataflows)
_HEAD = """\
from isthmus_contracts.catalog._catalog import Catalog
from isthmus_contracts.catalog.nyc_flights import NYC_FLIGHTS
"""
_PARTS = {
    "contracts' modules": "contracts",
    "the catalog": "catalog",
    "the platform's modules": "platform",
    "the deployment and the DAGs": "dags",
}


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts whose catalog holds many dataflows, installed in a folder of their own."""

    folder: Path
    dataflows: int

    def output_of(self, program: str, *arguments: object) -> dict[str, float]:
        """Return what a program of this folder prints where these contracts are installed.

        Airflow's own log may come before it.
        """
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(self.folder),
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "ISTHMUS_STATE": str(self.folder / "state"),
            "ISTHMUS_TRANSFORMS_PYTHON": "python",
        }
        command = (sys.executable, str(_HERE / program), *map(str, arguments))
        done = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found


def by_hand(effort: Effort, dataflows: int, *, at_most: float) -> Iterator[Line]:
    """Measure parsing the DAG file, beside one in which the same DAGs are written by hand."""
    with _contracts(effort.of(dataflows)) as contracts:
        file = contracts.folder / "by_hand.py"
        assert contracts.output_of("handwriting.py", file) == {"dags": contracts.dataflows}
        found = medians(
            effort,
            {
                "hand": lambda: contracts.output_of("parsing.py", file)["seconds"],
                "ours": lambda: contracts.output_of("parsing.py", _OURS)["seconds"],
            },
        )
    yield Line(
        f"parsing {contracts.dataflows:,} dataflows, beside the same DAGs by hand in a file",
        (
            Figure("by hand", found["hand"], "s"),
            Figure("ours", found["ours"], "s"),
            Figure("ratio", found["ours"] / found["hand"], under=at_most),
        ),
    )


def by_worker(effort: Effort, dataflows: int, *, under: float) -> Iterator[Line]:
    """Measure parsing the DAG file where a task runs: the first parse of a process."""
    parts: dict[str, list[float]] = {name: [] for name in (*_PARTS.values(), "again")}
    with _contracts(dataflows) as contracts:

        def parse() -> float:
            found = contracts.output_of("parsing.py", _OURS, f"{_NAMES[0]}_0.v1")
            for name, times in parts.items():
                times.append(found[name])
            return sum(found[name] for name in _PARTS.values())

        whole = medians(effort, {"parse": parse})["parse"]
    rest = {name: statistics.median(times[1:]) for name, times in parts.items()}
    yield Line(
        f"parsing where a task runs, of {dataflows:,} dataflows",
        (
            Figure("first parse of a process", whole, "s", under=under),
            *(Figure(f"of it {label}", rest[name], "s") for label, name in _PARTS.items()),
            Figure("second parse", rest["again"], "s"),
        ),
    )


@contextmanager
def _contracts(dataflows: int) -> Iterator[Contracts]:
    """Give contracts whose catalog repeats the real ones under other names."""
    source = Path(isthmus_contracts.__file__).parent
    with in_folder() as folder:
        package = folder / source.name
        shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
        catalog = package / "catalog"
        texts = {name: (catalog / f"{name}.py").read_text(encoding="utf-8") for name in _NAMES}
        for name in _NAMES:
            (catalog / f"{name}.py").unlink()
        imports, listed = [], []
        for number in range(dataflows):
            copy, name = number // len(_NAMES), _NAMES[number % len(_NAMES)]
            text = re.sub(rf"\b({'|'.join(_NAMES)})\b", rf"\1_{copy}", texts[name])
            (catalog / f"{name}_{copy}.py").write_text(text, encoding="utf-8")
            listed.append(f"{name.upper()}_{copy}")
            module = f"isthmus_contracts.catalog.{name}_{copy}"
            imports.append(f"from {module} import {name.upper()} as {listed[-1]}")
        head = "\n".join((_HEAD, *imports))
        made = f"CATALOG = Catalog(datasets=(NYC_FLIGHTS,), dataflows=({', '.join(listed)}))"
        (catalog / "__init__.py").write_text(f"{head}\n\n{made}\n", encoding="utf-8")
        yield Contracts(folder, dataflows)
