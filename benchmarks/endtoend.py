"""What a run takes from end to end, through Airflow, beside what is written without Isthmus."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median

from clock import Effort, medians, seconds
from installed import FUNCTIONS, PROGRAMS, PYTHON, Airflow, Ran, outside
from lines import Figure, Line
from sites import ROOT

from isthmus_platform.local_airflow import Installation

_MODULES = ROOT / "transforms" / "src" / "isthmus_transforms" / "dataflows" / "flight_delays"
_MOST_ROUNDS = 3


def beside_script(airflow: Airflow, effort: Effort, *, under: float) -> Iterator[Line]:
    """Measure flight_delays, beside a script and as many tasks that do nothing."""
    airflow.run("flight_delays.v1")
    airflow.export("flight_delays")
    dags = ("flight_delays.v1", "flight_delays_fused.v1", "nothing_3", "nothing_1")
    found, ran = _measured(airflow, effort, dags, "script", run_script)
    for dag, chain, tasks in (
        ("flight_delays.v1", "nothing_3", ("ingest", "transform", "publish")),
        ("flight_delays_fused.v1", "nothing_1", ()),
    ):
        times = {name: median(run.tasks[name] for run in ran[dag]) for name in tasks}
        yield Line(
            f"a run of flight_delays {'in three tasks' if tasks else 'fused'}, beside a "
            "script with the same functions and as many tasks that do nothing",
            (
                Figure("run", found[dag], "s"),
                *(Figure(f"of it {name}", time, "s") for name, time in times.items()),
                Figure("waited before", median(run.waited for run in ran[dag]), "s"),
                Figure("script", found["script"], "s"),
                Figure("tasks that do nothing", found[chain], "s"),
                Figure("ratio", found[dag] / (found["script"] + found[chain]), under=under),
            ),
        )


def beside_tasks(airflow: Airflow, effort: Effort, *, at_least: float) -> Iterator[Line]:
    """Measure fifty functions over the flights, beside a task for each of them."""
    dags = ("flight_facts.v1", "flight_facts_fused.v1", "task_per_function")
    found, _ = _measured(airflow, effort, dags, "imports", _imports)
    three, one, many = (found[dag] for dag in dags)
    yield Line(
        f"a run of {effort.of(FUNCTIONS)} functions over the flights, beside a task for each",
        (
            Figure("in three tasks", three, "s"),
            Figure("fused", one, "s"),
            Figure("a task for each", many, "s"),
            Figure("of each, starting Python and importing pandas", found["imports"], "s"),
            Figure("times as fast in three tasks", many / three, at_least=at_least),
            Figure("times as fast fused", many / one, at_least=at_least),
        ),
    )


def _measured(
    airflow: Airflow,
    effort: Effort,
    dags: tuple[str, ...],
    name: str,
    program: Callable[[Installation], float],
) -> tuple[dict[str, float], dict[str, list[Ran]]]:
    """Return the median seconds of each DAG's runs and of a program, and the runs that count."""
    ran: dict[str, list[Ran]] = {dag: [] for dag in dags}

    def run(dag: str) -> float:
        ran[dag].append(airflow.run(dag))
        return ran[dag][-1].took

    few = replace(effort, rounds=min(effort.rounds, _MOST_ROUNDS))
    timed = {dag: partial(run, dag) for dag in dags} | {
        name: partial(program, airflow.installation)
    }
    return medians(few, timed), {dag: runs[1:] for dag, runs in ran.items()}


def run_script(installation: Installation) -> float:
    """Run the script; return its seconds, from the start of its process to the end."""
    folder = installation.state
    out = folder / "script"
    out.mkdir(exist_ok=True)
    environment = outside() | {"PYTHONPATH": str(_MODULES), "HOME": str(folder)}
    command = [PYTHON, PROGRAMS / "script.py", folder / "exported", out]
    return seconds(lambda: subprocess.run(command, env=environment, check=True))


def _imports(_installation: Installation) -> float:
    """Start a process that computes nothing, with what each function needs."""
    command = [PYTHON, PROGRAMS / "alone.py", "graph"]
    return seconds(
        lambda: subprocess.run(command, env=outside(), check=True, stdout=subprocess.DEVNULL)
    )
