from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from isthmus_contracts.protocol import EngineProfile, Event, NodeFailed
from isthmus_transforms.errors import WorkerError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.engines.processes import processes
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import steps_of

Flows = Callable[..., Dataflow]
PROCESSES = EngineProfile("processes", {"workers": 2})


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import the functions of a test."""
    monkeypatch.syspath_prepend(tmp_path)


def test_a_worker_that_dies_is_reported(flow_of: Flows) -> None:
    flow = flow_of("import os\ndef a() -> int: os.kill(os.getpid(), 9)", "a")
    events: list[Event] = []
    with pytest.raises(WorkerError, match="died while node 'a' ran") as caught:
        flow.compute(["a"], {}, on_event=events.append, engine=PROCESSES)
    assert caught.value.node == "a"
    assert isinstance(events[-1], NodeFailed)


UNSENDABLE = """
    import threading

    def lock() -> object:
        return threading.Lock()

    def is_free(lock: object) -> bool:
        return not lock.locked()
"""


def test_a_value_that_cannot_be_sent_is_computed_in_the_runner(
    flow_of: Flows, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of(UNSENDABLE, "is_free")
    assert flow.compute(["is_free"], {}, engine=PROCESSES) == {"is_free": True}
    assert [record.args[0] for record in caplog.records if record.args] == ["lock", "is_free"]


def test_calls_run_in_workers_and_a_call_after_a_death_fails(
    module_of: Callable[[str], ModuleType],
) -> None:
    module = module_of("import os\ndef a(b: int) -> int: return os.getpid() if b else os._exit(1)")
    graph = build_graph([module], {})
    steps = steps_of(graph, {"a": graph.nodes["a"]}, ())
    with processes(1, Workload(steps, (module,), {})) as engine:
        assert engine.submit(steps[0], {"b": 1}).result(timeout=60).value != os.getpid()
        error = engine.submit(steps[0], {"b": 0}).exception(timeout=60)
        assert isinstance(error, WorkerError)
        with pytest.raises(WorkerError, match="worker process died while node 'a' ran"):
            engine.submit(steps[0], {"b": 1}).result(timeout=60)
