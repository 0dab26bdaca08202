from __future__ import annotations

import decimal
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest

from isthmus_contracts.protocol import EngineProfile, Event, NodeFailed
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.engines.threads import threads
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import steps_of

Flows = Callable[..., Dataflow]
THREADS = EngineProfile("threads", {"workers": 2})
LASTING = """
    import time

    def lasting() -> int:
        time.sleep(60)
        return 1
"""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Hear an interrupt, which a process that a shell starts in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_threads_within_a_second(flow_of: Flows) -> None:
    flow = flow_of(LASTING, "lasting")

    main = threading.main_thread().ident or 0
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
    start = time.monotonic()
    events: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        flow.compute(["lasting"], {}, on_event=events.append, engine=THREADS)
    assert time.monotonic() - start < 1.3
    assert isinstance(events[-1], NodeFailed)


THINGS = """
    import weakref

    class Thing:
        pass

    things = weakref.WeakSet()
    counts = []

    def a() -> Thing: return _new()
    def b(a: Thing) -> Thing: return _new()
    def c(b: Thing) -> Thing: return _new()
    def d(c: Thing) -> int: return len(counts)

    def _new():
        thing = Thing()
        things.add(thing)
        counts.append(len(things))
        return thing
"""


def test_threads_free_each_result_after_its_last_use(flow_of: Flows) -> None:
    flow = flow_of(THINGS, "d")
    flow.compute(["d"], {}, engine=THREADS)
    assert flow.modules[0].counts == [1, 2, 2]


def test_a_future_holds_the_value_or_the_error_and_threads_end_with_the_engine(
    module_of: Callable[[str], ModuleType],
) -> None:
    module = module_of("def a(b: int) -> float: return 1 / b")
    graph = build_graph([module], {})
    steps = steps_of(graph, {"a": graph.nodes["a"]}, ())
    others = set(threading.enumerate())  # one may still sleep for another test
    with threads(2, Workload(steps, (module,), {})) as engine:
        assert engine.max_parallel == 2
        good, bad = (engine.submit(steps[0], {"b": number}) for number in (2, 0))
        assert good.result(timeout=10).value == 0.5
        assert "ZeroDivisionError" in str(bad.result(timeout=10).error)
        workers = set(threading.enumerate()) - others
        assert len(workers) == 2
    for worker in workers:
        worker.join(timeout=10)
        assert not worker.is_alive()


OPTIONS = """
    import decimal
    import numpy as np
    import sklearn

    def third() -> str: return str(decimal.Decimal(1) / 3)
    def array(third: str) -> str: return str(np.array([0.123]))
    def interface(array: str) -> str: return sklearn.get_config()["sparse_interface"]
    def spoiled(interface: str) -> int:
        sklearn.set_config(sparse_interface="spmatrix")
        decimal.getcontext().prec = 9
        return 1
    def after(spoiled: int) -> str: return third() + interface("")
"""


def test_functions_have_the_options_of_the_thread_that_calls(flow_of: Flows) -> None:
    import sklearn  # noqa: PLC0415 - slow

    flow = flow_of(OPTIONS, "after")
    with (
        decimal.localcontext(prec=2),
        np.printoptions(precision=1),
        sklearn.config_context(sparse_interface="sparray"),
    ):
        found = flow.compute(["third", "array", "interface", "after"], {}, engine=THREADS)
    assert found == {
        "third": "0.33",
        "array": "[0.1]",
        "interface": "sparray",
        "after": "0.33sparray",
    }
