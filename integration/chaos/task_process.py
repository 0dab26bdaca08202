"""A task's process: it executes a task of the pipeline; status 0 is what Airflow calls success.

It knows no scheduler: it reads what other tasks returned from files that the driver writes.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import traceback
from typing import Any

from integration.faults import crashing_store, disks
from integration.faults.crashing_store import CrashingStore, OperationFault, Operations

from . import product
from .bugs import BUGS
from .plan import CONFUSED, FAILED, REFUSED, SUCCESS, TASKS, TaskSpec, xcom


def perform(spec: TaskSpec) -> int:
    """Execute a task or command in this process; return the status that it should exit with."""
    os.environ["ISTHMUS_STATE"] = str(spec.folder)
    os.environ["ISTHMUS_DEPLOYMENT"] = str(spec.folder / "deployment.toml")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    try:
        seam, bug = BUGS.get(spec.bug or "", ("", None))
        operations = Operations(spec.fault, lambda fault: _act(spec, fault))
        is_buggy = seam == "store" and spec.task != "rollback"
        disk = (bug if is_buggy else product.DiskStore)(spec.folder / "lake")
        lake = product.lake_in(spec.folder, CrashingStore(disk, operations), spec.clock_hours)  # type: ignore[arg-type]
        if spec.obeys_modes:
            disks.obey_modes()
        operations.watch_files(spec.folder)
    except Exception:  # noqa: BLE001 - whatever it is, the case must not count
        traceback.print_exc()
        return CONFUSED

    def pull(task_ids: str) -> Any:  # noqa: ANN401 - plain JSON
        value = json.loads(xcom(spec.folder, spec.run, task_ids).read_text(encoding="utf-8"))
        return bug(spec, value) if seam == "xcom" else value

    def call() -> object:
        if spec.task == "rollback":
            return product.roll_back(lake, spec.dataflow, spec.argument)
        if spec.task == "garbage-collection":
            return product.collect_garbage(lake, float(spec.argument))
        return product.execute(spec, lake, pull)

    try:
        returned = bug(spec, call) if seam == "execute" and spec.operator in TASKS else call()
    except product.RefusedError:
        return REFUSED
    except Exception:  # noqa: BLE001 - Airflow would call each a failure
        traceback.print_exc()
        return FAILED
    finally:
        operations.end()
    result = {"returned": returned, "operations": operations.counts}
    spec.file("result").write_text(json.dumps(result), encoding="utf-8")
    return SUCCESS


def _act(spec: TaskSpec, fault: OperationFault) -> None:
    if fault.action not in ("truncate", "flip"):
        crashing_store.strike(fault, spec.file("acted"), spec.file("go-on"))
        return
    staging, _ = product.work_of(spec)
    chance = random.Random(fault.choice)  # noqa: S311 - no secret
    staged = sorted(path for path in staging.rglob("*") if path.is_file())
    crashing_store.spoil(chance.choice(staged), fault.action, chance)
    spec.file("acted").touch()
