"""Runs of a dataflow in fresh processes: a program that answers lines of JSON.

Each line names a directory of checkpoints, and a folder with modules: `functions` and `cell`, which
runs before the run as a cell of a notebook does, or `notebook`, whose cells are the module
`__main__`, as in IPython. The answer has the value of the node `made`, a declared checkpoint, the
nodes that were computed, and what was logged. Each run has a process of its own, which is forked
before any code of the folder is imported; set `PYTHONHASHSEED` for another order of sets.
"""

from __future__ import annotations

import builtins
import gc
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from isthmus_contracts import Checkpoint, File
from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts.protocol import Event, NodeStarted
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.code_location import versions

CONTRACT = Contract(
    name="stale",
    version="1.0.0",
    owner="analytics",
    description="Is never stale.",
    inputs=(),
    outputs=(File("made", "What is made.", ".txt"),),
    checkpoints=(Checkpoint("cut", "Where it is saved."),),
)


def main() -> None:
    """Answer each line of standard input."""
    sys.dont_write_bytecode = True
    versions()  # every process would look them up
    gc.collect()
    gc.freeze()  # so that no process copies what all have
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                answer = run(json.loads(line))
                status = 0
            except BaseException:  # noqa: BLE001 - it is the answer
                answer = {"error": traceback.format_exc()}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
            os._exit(status)
        os.waitpid(child, 0)


def run(request: Mapping[str, str]) -> Mapping[str, object]:
    """Return what a run computes."""
    logged = io.StringIO()
    logging.basicConfig(stream=logged, level=logging.INFO)
    sys.path.insert(0, request["folder"])
    functions = _functions(Path(request["folder"]))
    ran: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, NodeStarted):
            ran.append(event.node)

    dataflow = Dataflow(CONTRACT, (functions,), {"cut": "made"})
    values = dataflow.compute(["made"], {}, on_event=on_event, checkpoints=Path(request["store"]))
    return {"value": values["made"], "ran": ran, "log": logged.getvalue()}


def _functions(folder: Path) -> ModuleType:
    if (folder / "notebook.py").exists():
        return _notebook((folder / "notebook.py").read_text(encoding="utf-8").split("# cell\n"))
    import cell  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - it changes `functions`
    import functions  # type: ignore[import-not-found]  # noqa: PLC0415 - written in the test

    return functions  # type: ignore[no-any-return]


def _notebook(cells: list[str]) -> ModuleType:
    """Run cells in one namespace, and return it, with what IPython puts there too."""
    module = sys.modules["__main__"] = ModuleType("__main__")
    names, history = vars(module), [""]
    names |= {"__builtins__": builtins, "In": history, "_ih": history, "Out": {}, "_": ""}
    names["get_ipython"] = logging.getLogger  # a function of a library
    for cell in cells:
        history.append(cell)
        place = f"<ipython-input-{len(history)}-{os.getpid()}>"
        exec(compile(cell, place, "exec"), names)  # noqa: S102 - the test wrote it
    return module


if __name__ == "__main__":
    main()
