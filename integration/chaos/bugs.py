"""Bugs that are planted in a task's process, to show that chaos finds them: `--bug NAME`.

They are planted at seams: in the store, in what other tasks return (xcom), around a task's
execution, in the runner. The names in the product that a bug needs are in `product`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from integration import lake_inspection
from integration.faults.faulty_store import STORES

from . import product
from .plan import TaskSpec

BUGS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("no-digest", "no-fingerprint", "keeps-parts"), ("runner", None)),
    **{name: ("store", store) for name, store in STORES.items()},
}
"""Each bug by its name: its seam, and what replaces the real object there.

Those of the runner are in the program `buggy_checkpoints.py`.
"""
Call = Callable[[], object]


def at(seam: str) -> Callable[[Any], Any]:
    def plant(bug: Any) -> Any:  # noqa: ANN401 - a store, or a function
        BUGS[bug.__name__.replace("_", "-")] = seam, bug
        return bug

    return plant


@at("xcom")
def loses_part(spec: TaskSpec, value: Any) -> Any:  # noqa: ANN401 - plain JSON
    """Publish what the first of a run's mapped tasks has accepted as if it were everything."""
    if spec.task != "publish" or not isinstance(value, list) or "outputs" not in value[0]:
        return value
    whole = {"start": value[0]["interval"]["start"], "end": value[-1]["interval"]["end"]}
    return [value[0] | {"interval": whole}]


@at("xcom")
def ignores_pins(spec: TaskSpec, value: Any) -> Any:  # noqa: ANN401 - plain JSON
    """Give the runner the current release instead of the pinned one."""
    if (spec.dataflow, spec.task) == ("airport_days", "transform"):
        newest = lake_inspection.current_release(spec.folder, product.contract_of("flight_delays"))
        for name, pin in value["inputs"].items():
            pin["version"] = newest.tables[name].version
    return value


@at("execute")
def no_checksum(_: TaskSpec, call: Call) -> object:
    """Accept files without comparing what they are with what the result says."""
    product.skip_checksums()
    return call()


@at("execute")
def keeps_empty_months(spec: TaskSpec, call: Call) -> object:
    """Keep the partitions of a run's interval that it has no rows of."""
    if spec.task == "publish":
        product.Partitioning.names = lambda *_: ()  # type: ignore[method-assign] # a bug
    return call()


@at("execute")
def green_without_result(spec: TaskSpec, call: Call) -> object:
    """Call a publication successful that was refused or broke."""
    try:
        return call()
    except Exception:
        if spec.task != "publish":
            raise
        return lake_inspection.current(spec.folder, product.contract_of(spec.dataflow))


@at("execute")
def leaves_process(spec: TaskSpec, call: Call) -> object:
    """Leave a process behind with each runner."""
    if spec.operator == "transform":
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    return call()


@at("execute")
def moves_back(spec: TaskSpec, call: Call) -> object:
    """Move the pointer back when an older publication is repeated."""
    release, contract = call(), product.contract_of(spec.dataflow)
    if spec.task == "publish" and lake_inspection.current(spec.folder, contract) != release:
        product.move_pointer(spec, str(release))
    return release


@at("execute")
def leaves_lock(spec: TaskSpec, call: Call) -> object:
    """Lock the lake while publishing, and forget to unlock it when something goes wrong."""
    lock = spec.folder / "lake" / "lock"
    if spec.task == "publish":
        lock.touch()
    returned = call()
    lock.unlink(missing_ok=True)
    return returned
