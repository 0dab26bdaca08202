from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from isthmus_contracts.protocol import EngineProfile, Event, NodeFailed
from isthmus_transforms.errors import EngineError, WorkerError
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


KILLED = """
    import os
    from hamilton.function_modifiers import parameterize, pipe_output, source, step

    RUNNER = {runner}

    def _kill(number: int) -> int:
        if os.getpid() == RUNNER:
            raise AssertionError("it runs in the runner itself")
        os.kill(os.getpid(), 9)

    @pipe_output(step(_kill))
    def piped(orders: object) -> int: return 1

    @parameterize(first={{"number": source("orders")}}, second={{"number": source("first")}})
    def each(number: object) -> object: return 1 if not isinstance(number, int) else _kill(number)
"""


@pytest.mark.parametrize(("target", "node"), [("piped", "piped.with_kill"), ("second", "second")])
def test_a_function_that_is_killed_leaves_the_runner_alive(
    flow_of: Flows, orders: pd.DataFrame, target: str, node: str
) -> None:
    flow = flow_of(KILLED.format(runner=os.getpid()), target)
    with pytest.raises(WorkerError, match=f"died while node '{node}' ran"):
        flow.compute([target], {"orders": orders}, engine=PROCESSES)


def test_functions_of_main_are_refused(flow_of: Flows, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = flow_of("def a() -> int: return 1", "a")
    monkeypatch.setattr(flow.modules[0], "__name__", "__main__")
    monkeypatch.setattr(flow.modules[0].a, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", flow.modules[0])
    assert flow.compute(["a"], {}, engine=EngineProfile("threads", {})) == {"a": 1}
    with pytest.raises(EngineError) as caught:
        flow.compute(["a"], {}, engine=PROCESSES)
    assert str(caught.value) == (
        "engine 'processes': worker processes cannot import the functions of `__main__`; "
        "put the functions into a module that can be imported, or use the engine 'threads'"
    )


def test_functions_that_workers_cannot_import_are_refused(
    flow_of: Flows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = flow_of("def a() -> int: return 1", "a")
    (tmp_path / "sample" / "functions.py").rename(tmp_path / "sample" / "other.py")
    monkeypatch.syspath_prepend(tmp_path)
    events: list[Event] = []
    with pytest.raises(EngineError) as caught:
        flow.compute(["a"], {}, on_event=events.append, engine=PROCESSES)
    assert str(caught.value) == (
        "engine 'processes': worker processes cannot import the functions "
        "(ModuleNotFoundError: No module named 'sample.functions'); "
        "put the functions into a module that can be imported, or use the engine 'threads'"
    )
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
