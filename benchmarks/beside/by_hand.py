"""The DAGs that Isthmus is compared with: chains that do nothing, and a task for each function.

A file beside this one says how a function is run and what it takes.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from airflow.sdk import DAG, chain, task

BESIDE = json.loads(Path(__file__).with_name("by_hand.json").read_text(encoding="utf-8"))


@task
def nothing() -> None:
    """Do nothing, in a process of its own, as every task does."""


@task
def function(name: str) -> None:
    """Run one function on the files that the tasks before it wrote."""
    command = [*BESIDE["command"], name, BESIDE["folder"]]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=BESIDE["environment"])


for length in (1, 3):
    with DAG(f"nothing_{length}", schedule=None, catchup=False) as chained:
        tasks = [nothing.override(task_id=f"nothing_{number}")() for number in range(length)]
        if length > 1:
            chain(*tasks)
    globals()[chained.dag_id] = chained

with DAG("task_per_function", schedule=None, catchup=False) as task_per_function:
    made = {name: function.override(task_id=name)(name) for name in BESIDE["takes"]}
    for name, takes in BESIDE["takes"].items():
        for take in takes:
            if take in made:
                made[take] >> made[name]
