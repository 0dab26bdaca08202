"""The time of a runner around its functions: its start, and the staging of outputs."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from clock import Effort, medians, seconds
from flights import write_flights
from lines import Figure, Line
from sites import ROOT, in_folder

from isthmus_contracts import DataflowContract, resolve_params
from isthmus_contracts.catalog import CARRIER_DAYS, FLIGHT_DELAYS
from isthmus_contracts.protocol import (
    EngineProfile,
    NodeFinished,
    NodeStarted,
    RunIdentity,
    RunRequest,
    RunResult,
    decode_answer,
    encode,
)
from isthmus_platform.runners.environment import runner_environment

_TREE = ROOT / "transforms"
_PYTHON = _TREE / ".venv" / "bin" / "python"
_PROGRAM = _TREE / "tests" / "programs" / "start.py"
_IMPORT = "import pandas, hamilton.driver"
_STEPS = {
    "interpreter": "interpreter",
    "contracts": "contracts",
    "pandas": "pandas",
    "Hamilton": "Hamilton",
    "the runtime": "runtime",
    "the dataflow's modules": "dataflow",
    "graph and inputs": "graph and inputs",
    "first node": "first node",
    "outputs": "outputs",
    "end": "end",
}


@dataclass
class Runner:
    """Start runners of one dataflow over the same inputs, as the platform does."""

    dataflow: DataflowContract
    inputs: Mapping[str, Path]
    folder: Path
    saves: bool = False
    _times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _runs: int = 0

    def around(self) -> float:
        """Return the seconds from the process's start to the first node, and from the last on."""
        started = time.time()
        answers = self._asked("-m", "isthmus_transforms.runner")
        ended = time.time()
        events = [decode_answer(answer) for answer in answers]
        assert isinstance(events[-1], RunResult), events[-1]
        first = next(event.at for event in events if isinstance(event, NodeStarted))
        last = max(event.at for event in events if isinstance(event, NodeFinished))
        self._note({"before": first - started, "after": ended - last})
        return first - started + ended - last

    def by_step(self) -> float:
        """Note what each step takes; return all of it, with the functions."""
        started = time.time()
        (line,) = self._asked(str(_PROGRAM), str(started))
        ended = time.time()
        found = json.loads(line)
        self._note(found | {"end": ended - started - sum(found.values())})
        return ended - started

    def median(self, part: str) -> float:
        """Return the median of what a part took, without the first, which does not count."""
        return statistics.median(self._times[part][1:])

    def _note(self, found: Mapping[str, float]) -> None:
        for name, took in found.items():
            self._times[name].append(took)

    def imports(self, **variables: str) -> float:
        """Return the seconds that an interpreter takes which only imports."""
        command = (str(_PYTHON), "-c", _IMPORT)
        environment = self._environment | variables
        return seconds(lambda: subprocess.run(command, env=environment, check=True))

    @property
    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return runner_environment(str(self.dataflow.identity), home, self.folder, {})

    def _asked(self, *arguments: str) -> list[str]:
        """Return a process's answers to the request, in new staging and checkpoint directories."""
        self._runs += 1
        name = f"{self.dataflow.name}-{self.saves}-{self._runs}"
        staging = self.folder / f"staging-{name}"
        staging.mkdir()
        request = RunRequest(
            identity=RunIdentity("measured", "transform", 1),
            dataflow=str(self.dataflow.identity),
            contract_version=self.dataflow.version,
            targets=tuple(output.name for output in self.dataflow.outputs),
            params=resolve_params(self.dataflow.params, {}),
            inputs={name: (str(file),) for name, file in self.inputs.items()},
            staging=str(staging),
            engine=EngineProfile("sequential", {}),
            checkpoints=str(self.folder / f"checkpoints-{name}") if self.saves else None,
        )
        with subprocess.Popen(
            (str(_PYTHON), *arguments),
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(encode(request) + "\n")
            process.stdin.flush()  # it stays open: a runner ends when it closes
            lines = process.stdout.readlines()
            process.wait()
        assert process.returncode == 0, lines
        return lines


def around_functions(effort: Effort, *, under: float) -> Iterator[Line]:
    """Measure runners of the largest dataflow and of the smallest, beside the bare imports."""
    with in_folder() as folder:
        flights = write_flights(folder, each=100)
        before = folder / "before"
        before.mkdir()
        Runner(FLIGHT_DELAYS, flights, before).around()
        (staged,) = before.glob("staging-*/flight_features.arrows")
        features = before / "flight_features.parquet"
        with pa.ipc.open_stream(staged) as stream:
            pq.write_table(stream.read_all(), features)
        inputs = {"flight_features": features}
        large = Runner(FLIGHT_DELAYS, flights, folder)
        runners = {
            "flight_delays": large,
            "carrier_days": Runner(CARRIER_DAYS, inputs, folder),
            "carrier_days, saving results": Runner(CARRIER_DAYS, inputs, folder, saves=True),
        }
        found = medians(
            effort,
            {
                "imports": large.imports,
                "bare": lambda: large.imports(HAMILTON_AUTOLOAD_EXTENSIONS="0"),
                **{name: runner.around for name, runner in runners.items()},
                **{f"{name} by step": runner.by_step for name, runner in runners.items()},
            },
        )
    for name, runner in runners.items():
        yield Line(
            f'around the functions of {name}, beside `python -c "{_IMPORT}"`',
            (
                Figure("that", found["imports"], "s"),
                Figure("until the first node", runner.median("before"), "s"),
                Figure("from the last node on", runner.median("after"), "s"),
                Figure("ratio", found[name] / found["imports"], under=under),
            ),
        )
        yield Line(
            f"where it goes, in {name}",
            tuple(Figure(label, runner.median(step), "s") for label, step in _STEPS.items()),
        )
    small = found["carrier_days"]
    yield Line(
        "carrier_days beside the same imports without Hamilton's plug-ins, of which it has no use",
        (
            Figure("that", found["bare"], "s"),
            Figure("ratio", small / found["bare"], under=under),
        ),
    )
