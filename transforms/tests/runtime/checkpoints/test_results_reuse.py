from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from isthmus_contracts import Param
from isthmus_contracts.protocol import CheckpointReused, CheckpointWritten, Event, NodeStarted
from isthmus_transforms.errors import InputError, NodeError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.checkpoints.store import open_store
from isthmus_transforms.runtime.frames.digests import digest_of_frame
from isthmus_transforms.runtime.frames.inputs import LazyInput

pytestmark = pytest.mark.slow

Flows = Callable[..., Dataflow]
FACTOR = Param("factor", "number", 2.0, "Factor.")
SALES = """
    import time
    import pandas as pd

    def priced(orders: pd.DataFrame, factor: float) -> pd.DataFrame:
        return orders.assign(price=orders["price"] * factor)

    def slow(priced: pd.DataFrame) -> float:
        time.sleep(0.4)
        return float(priced["price"].sum())

    def report(slow: float, priced: pd.DataFrame) -> str:
        {trouble}
        return f"{{slow:g}} {{len(priced)}}"
"""


@pytest.fixture(autouse=True)
def workers_find_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import what a test has written."""
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "saved"


def ran(events: list[Event]) -> list[str]:
    return [event.node for event in events if isinstance(event, NodeStarted)]


def reused(events: list[Event]) -> list[str]:
    return [event.node for event in events if isinstance(event, CheckpointReused)]


def flow(flow_of: Flows, trouble: str = "pass") -> Dataflow:
    source = SALES.format(trouble=trouble)
    return flow_of(source, "report", params=(FACTOR,), checkpoints={"cut": "priced"})


def test_a_run_after_a_failure_resumes_at_the_failed_function(
    flow_of: Flows, orders: pd.DataFrame, store: Path
) -> None:
    failing, inputs = flow(flow_of, "raise ValueError('not yet')"), {"orders": orders}
    first: list[Event] = []
    with pytest.raises(NodeError, match="not yet"):
        failing.compute(["report"], inputs, on_event=first.append, checkpoints=store)
    assert ran(first) == ["priced", "slow", "report"]
    assert [event.node for event in first if isinstance(event, CheckpointWritten)] == [
        "priced",
        "slow",
    ]

    second: list[Event] = []
    fixed = flow(flow_of)
    made = fixed.compute(["report"], inputs, on_event=second.append, checkpoints=store)
    assert made == {"report": "16 3"}
    assert sorted(reused(second)) == ["priced", "slow"]
    assert ran(second) == ["report"]


def test_other_params_and_rows_are_computed_again(
    flow_of: Flows, orders: pd.DataFrame, store: Path
) -> None:
    sales = flow(flow_of)
    for inputs, params, expected in (
        ({"orders": orders}, {"factor": 2}, "16 3"),
        ({"orders": orders}, {"factor": 3}, "24 3"),
        ({"orders": orders[:2]}, {"factor": 2}, "8 2"),
        ({"orders": orders.astype({"id": "int32"})}, {"factor": 2}, "16 3"),
    ):
        events: list[Event] = []
        made = sales.compute(["report"], inputs, params, events.append, checkpoints=store)
        assert made == {"report": expected}
        assert ran(events) == ["priced", "slow", "report"]
    events = []
    inputs, params = {"orders": orders}, {"factor": 2}
    made = sales.compute(["report"], inputs, params, events.append, checkpoints=store)
    assert made == {"report": "16 3"}
    assert ran(events) == ["report"]


def test_a_corrupt_file_is_not_used(flow_of: Flows, orders: pd.DataFrame, store: Path) -> None:
    sales, inputs = flow(flow_of), {"orders": orders}
    sales.compute(["report"], inputs, checkpoints=store)
    files = sorted(store.glob("*.checkpoint"))
    assert len(files) == 2
    for file in files:
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    events: list[Event] = []
    made = sales.compute(["report"], inputs, on_event=events.append, checkpoints=store)
    assert made == {"report": "16 3"}
    assert ran(events) == ["priced", "slow", "report"]
    assert reused(events) == []


def test_a_corrupt_result_behind_an_intact_one_is_not_needed(
    flow_of: Flows, orders: pd.DataFrame, store: Path
) -> None:
    sales, inputs = flow(flow_of), {"orders": orders}
    sales.compute(["report"], inputs, checkpoints=store)
    largest = max(store.glob("*.checkpoint"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-10])
    events: list[Event] = []
    made = sales.compute(["report"], inputs, on_event=events.append, checkpoints=store)
    assert made == {"report": "16 3"}
    assert ran(events) == ["priced", "report"]
    assert reused(events) == ["slow"]


def test_inputs_behind_saved_results_are_not_read(
    flow_of: Flows, orders: pd.DataFrame, store: Path
) -> None:
    sales = flow(flow_of)
    sales.compute(["slow"], {"orders": orders}, checkpoints=store)

    def read(_on_event: object) -> pd.DataFrame:
        raise AssertionError("it is read")

    given = {"orders": LazyInput(read, lambda: digest_of_frame(orders))}
    made = sales.plan(["slow"]).compute(given, lambda _event: None, store=open_store(store))
    assert made == {"slow": 16.0}
    with pytest.raises(AssertionError, match="it is read"):
        sales.plan(["slow"]).compute(given, lambda _event: None)
    with pytest.raises(InputError, match="it is not given, and 'priced' needs it"):
        sales.plan(["slow"]).compute({}, lambda _event: None)


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_every_engine_saves_and_reuses_results(
    flow_of: Flows, orders: pd.DataFrame, store: Path, engine: str
) -> None:
    sales, inputs = flow(flow_of), {"orders": orders}
    for expected in ([], ["priced", "slow"]):
        events: list[Event] = []
        made = sales.compute(
            ["report"], inputs, on_event=events.append, engine=engine, checkpoints=store
        )
        assert made == {"report": "16 3"}
        assert sorted(reused(events)) == expected


def test_a_directory_that_cannot_be_written_does_not_fail_the_run(
    flow_of: Flows, orders: pd.DataFrame, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.write_text("no directory")
    made = flow(flow_of).compute(["report"], {"orders": orders}, checkpoints=store)
    assert made == {"report": "16 3"}
    assert "node 'priced' is not saved and will be computed again" in caplog.text


OWN = """
    from dataclasses import dataclass
    from isthmus_transforms.runtime import register_codec

    @dataclass(frozen=True)
    class Model:
        slope: float

    class ModelCodec:
        def write(self, value: Model, file) -> None:
            file.write(repr(value.slope).encode())

        def read(self, file) -> Model:
            return Model(float(file.read()))

    register_codec(Model, ModelCodec())

    def model() -> Model:
        return Model(0.1)

    def report(model: Model) -> str:
        return str(model.slope)
"""


def test_a_registered_codec_saves_an_authors_type(flow_of: Flows, store: Path) -> None:
    own = flow_of(OWN, "report", checkpoints={"trained": "model"})
    for expected in ([], ["model"]):
        events: list[Event] = []
        made = own.compute(["report"], {}, on_event=events.append, checkpoints=store)
        assert made == {"report": "0.1"}
        assert reused(events) == expected


EMPTY = """
    import pandas as pd

    def frame() -> pd.DataFrame:
        return pd.DataFrame({"k": pd.Categorical([], ["a", "b"]), "x": []})

    def report(frame: pd.DataFrame) -> str:
        return str(list(frame.groupby("k", observed=False).size().index))
"""


def test_a_frame_without_rows_keeps_its_categories(flow_of: Flows, store: Path) -> None:
    own = flow_of(EMPTY, "report", checkpoints={"cut": "frame"})
    for expected in ([], ["frame"]):
        events: list[Event] = []
        made = own.compute(["report"], {}, on_event=events.append, checkpoints=store)
        assert made == {"report": "['a', 'b']"}
        assert reused(events) == expected


PATCHED = """
    RATE = 2

    class Rates:
        def one(self): return 1

    def _rate(x=1) -> int: return x

    def made() -> int:
        return max(RATE, _rate(), Rates().one())

    def report(made: int) -> str:
        return str(made)
"""


def _replace_a_constant(module: ModuleType) -> None:
    module.RATE = 3


def _replace_a_helper(module: ModuleType) -> None:
    module._rate = lambda: 3


def _replace_a_method(module: ModuleType) -> None:
    module.Rates.one = lambda _self: 3


def _replace_a_default(module: ModuleType) -> None:
    module._rate.__defaults__ = (3,)


@pytest.mark.parametrize(
    "patch", [_replace_a_constant, _replace_a_helper, _replace_a_method, _replace_a_default]
)
def test_a_worker_that_computes_with_other_values_saves_nothing(
    flow_of: Flows,
    store: Path,
    caplog: pytest.LogCaptureFixture,
    patch: Callable[[ModuleType], None],
) -> None:
    own = flow_of(PATCHED, "report", checkpoints={"cut": "made", "end": "report"})
    patch(own.modules[0])  # as in a notebook; workers import the module afresh
    assert own.compute(["report"], {}, engine="processes", checkpoints=store) == {"report": "2"}
    assert "node 'made' is not saved" in caplog.text
    assert "the worker process had other code or values than this process" in caplog.text
    assert "node 'report' is not saved" in caplog.text
    events: list[Event] = []
    made = own.compute(["report"], {}, on_event=events.append, checkpoints=store)
    assert made == {"report": "3"}
    assert reused(events) == []
