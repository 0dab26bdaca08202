"""What a run takes from end to end, through Airflow, beside what one would write without Isthmus."""

from __future__ import annotations

import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from clock import Effort, medians, seconds
from installed import FUNCTIONS, PROGRAMS, PYTHON, Airflow, outside
from lines import Figure, Line
from sites import ROOT

_MODULES = (
    ROOT / "transforms" / "src" / "isthmus_transforms" / "dataflows" / "flight_delays"
)
_MOST_ROUNDS = 3


def beside_script(airflow: Airflow, effort: Effort, *, under: float) -> Iterator[Line]:
    """Measure flight_delays, beside a script and as many tasks that do nothing."""
    airflow.run("flight_delays.v1")
    airflow.export("flight_delays", airflow.folder / "exported")
    found, waited = _measured(
        airflow,
        effort,
        ("flight_delays.v1", "flight_delays_fused.v1", "nothing_3", "nothing_1"),
        "script",
    )
    for dag, tasks in (("flight_delays.v1", 3), ("flight_delays_fused.v1", 1)):
        chain = found[f"nothing_{tasks}"]
        yield Line(
            f"a run of flight_delays in {tasks} task{'s' * (tasks > 1)}, beside a script with the "
            "same functions and as many tasks that do nothing",
            (
                Figure("run", found[dag], "s"),
                Figure("waited for its start", waited[dag], "s"),
                Figure("script", found["script"], "s"),
                Figure("tasks that do nothing", chain, "s"),
                Figure("ratio", found[dag] / (found["script"] + chain), under=under),
            ),
        )


def beside_tasks(airflow: Airflow, effort: Effort, *, at_least: float) -> Iterator[Line]:
    """Measure fifty functions over the flights, beside a task for each of them."""
    dags = ("flight_facts.v1", "flight_facts_fused.v1", "task_per_function")
    found, _ = _measured(airflow, effort, dags, "interpreter")
    whole, fused, apart = (found[each] for each in dags)
    yield Line(
        f"a run of {effort.of(FUNCTIONS)} functions over the flights, beside a task for each of "
        "them",
        (
            Figure("in 3 tasks", whole, "s"),
            Figure("in 1 task", fused, "s"),
            Figure("a task for each function", apart, "s"),
            Figure("of each, starting Python and importing pandas", found["interpreter"], "s"),
            Figure("times as fast in 3 tasks", apart / whole, at_least=at_least),
            Figure("in 1 task", apart / fused, at_least=at_least),
        ),
    )


def _measured(
    airflow: Airflow, effort: Effort, dags: tuple[str, ...], program: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median seconds of DAGs' runs and a program, and how long runs waited."""
    waited: dict[str, list[float]] = defaultdict(list)

    def run(dag: str) -> float:
        ran = airflow.run(dag)
        waited[dag].append(ran.waited)
        return ran.took

    timed = {dag: lambda dag=dag: run(dag) for dag in dags}
    programs = {"script": _script, "interpreter": _interpreter}
    timed[program] = lambda: programs[program](airflow)
    few = replace(effort, rounds=min(effort.rounds, _MOST_ROUNDS))
    found = medians(few, timed)
    return found, {dag: statistics.median(times[1:]) for dag, times in waited.items()}


def _script(airflow: Airflow) -> float:
    """Run the script; return its seconds, from the start of its process to the end."""
    out = airflow.folder / "script"
    out.mkdir(exist_ok=True)
    environment = outside() | {"PYTHONPATH": str(_MODULES), "HOME": str(airflow.folder)}
    command = [PYTHON, PROGRAMS / "script.py", airflow.folder / "exported", out]
    return seconds(lambda: subprocess.run(command, env=environment, check=True))


def _interpreter(_airflow: Airflow) -> float:
    """Start a process that computes nothing, with what each function needs."""
    command = [PYTHON, PROGRAMS / "alone.py", "graph"]
    return seconds(
        lambda: subprocess.run(command, env=outside(), check=True, stdout=subprocess.DEVNULL)
    )
