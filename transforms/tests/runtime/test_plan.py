from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from isthmus_contracts import Param, UnknownNameError
from isthmus_contracts.protocol import (
    CheckFinished,
    CheckpointReused,
    EngineProfile,
    Event,
    Graph,
    NodeStarted,
)
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.checkpoints.store import open_store
from isthmus_transforms.runtime.frames.inputs import LazyInput
from isthmus_transforms.runtime.plan import Plan

Flows = Callable[..., Dataflow]
FACTOR = Param("factor", "number", 2.0, "Factor.")
SEQUENTIAL = EngineProfile("sequential", {})
SALES = """
    import pandas as pd
    from hamilton.function_modifiers import extract_columns

    def priced(orders: pd.DataFrame, factor: float) -> pd.DataFrame:
        return orders.assign(price=orders["price"] * factor)

    @extract_columns("low", "high")
    def banded(priced: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"low": priced["price"] < 4, "high": priced["price"] >= 4})

    def total(priced: pd.DataFrame) -> float:
        return float(priced["price"].sum())

    def label(factor: float) -> str:
        return f"x{factor:g}"

    def report(total: float, low: pd.Series, label: str) -> str:
        return f"{label} {total:g} {int(low.sum())}"
"""


@pytest.fixture
def sales(flow_of: Flows) -> Dataflow:
    checkpoints = {"prices": "priced", "bands": "banded"}
    return flow_of(SALES, "report", "label", params=(FACTOR,), checkpoints=checkpoints)


@pytest.fixture
def given(orders: pd.DataFrame) -> dict[str, LazyInput]:
    return {"orders": LazyInput(lambda _on_event: orders, lambda: "the orders")}


def unread(_on_event: object) -> pd.DataFrame:
    raise AssertionError("an input was read that no function needs")


def ran(events: list[Event]) -> list[str]:
    return [event.node for event in events if isinstance(event, NodeStarted)]


def compute_stage(
    plan: Plan, given: dict[str, LazyInput], home: Path, intermediates: tuple[Path, ...] = ()
) -> tuple[list[Event], tuple[Path, ...]]:
    """Compute a stage as on a separate host; return its events and the files for later stages."""
    events: list[Event] = []
    staging = home / "staging"
    staging.mkdir(parents=True)
    store = open_store(home / "saved", intermediates=intermediates)
    saved = plan.compute_stage(given, events.append, SEQUENTIAL, store)
    return events, tuple(staging / file.path for file in saved.stage(plan.stage_outputs, staging))


def finish(
    dataflow: Dataflow,
    given: dict[str, LazyInput],
    home: Path,
    intermediates: tuple[Path, ...],
    *targets: str,
) -> tuple[dict[str, object], list[Event]]:
    events: list[Event] = []
    plan = dataflow.plan(targets or ["report", "label"])
    made = plan.compute(
        given, events.append, SEQUENTIAL, open_store(home, intermediates=intermediates)
    )
    return made, events


@pytest.mark.parametrize(
    ("boundary", "stage_outputs"),
    [("prices", ("priced",)), ("bands", ("priced", "banded")), ("label", ("label",))],
)
def test_the_outputs_of_a_stage_are_what_later_stages_need(
    sales: Dataflow, boundary: str, stage_outputs: tuple[str, ...]
) -> None:
    plan = sales.plan(["report", "label"], stop_at=boundary)
    assert tuple(plan.stage_outputs) == stage_outputs
    assert set(plan.nodes) - {"orders", "factor"} == set(stage_outputs)


def test_a_boundary_that_no_target_needs_is_an_output_of_its_stage(sales: Dataflow) -> None:
    assert tuple(sales.plan(["label"], stop_at="bands").stage_outputs) == ("banded",)


def test_an_output_may_be_the_last_boundary(sales: Dataflow) -> None:
    plan = sales.plan(["report", "label"], stop_at="report")
    assert set(plan.stage_outputs) == {"report", "label"}


def test_a_boundary_that_is_not_declared_is_refused(sales: Dataflow) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown target 'priced'; did you mean 'prices'\?"):
        sales.plan(["report"], stop_at="priced")


def test_each_stage_resumes_where_the_one_before_it_ended(
    sales: Dataflow, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    names = ["report", "label"]
    first = sales.plan(names, stop_at="prices")
    events, intermediates = compute_stage(first, given, tmp_path / "1")
    assert ran(events) == ["priced"]
    assert isinstance(events[0], Graph)
    assert [node.target for node in events[0].nodes] == [None, None, "prices"]

    unreadable = {"orders": LazyInput(unread, lambda: "the orders")}
    second = sales.plan(names, stop_at="bands")
    events, more = compute_stage(second, unreadable, tmp_path / "2", intermediates)
    assert ran(events) == ["banded"]

    made, events = finish(sales, unreadable, tmp_path / "3", (*intermediates, *more))
    assert made == {"report": "x2 16 1", "label": "x2"}
    assert [event.node for event in events if isinstance(event, CheckpointReused)] == [
        "priced",
        "banded",
    ]
    assert sorted(ran(events)) == ["label", "low", "report", "total"]


CHECKED = SALES.replace(
    "    def priced(",
    """    from hamilton.function_modifiers import check_output

    @check_output(allow_none=False, importance="fail")
    def priced(""",
)


def test_checks_run_and_are_reported_in_the_stage_that_computes_their_value_only(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    flow = flow_of(CHECKED, "report", params=(FACTOR,), checkpoints={"prices": "priced"})
    plan = flow.plan(["report"], stop_at="prices")
    assert tuple(plan.stage_outputs) == ("priced",)
    first, intermediates = compute_stage(plan, given, tmp_path / "1")
    made, second = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "x2 16 1"}
    checked = [
        [event.subject for event in events if isinstance(event, CheckFinished)]
        for events in (first, second)
    ]
    assert checked == [["priced"], []]


def test_a_stage_repeated_on_another_host_passes_the_same_files(
    sales: Dataflow, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    plan = sales.plan(["report"], stop_at="bands")
    _, intermediates = compute_stage(plan, given, tmp_path / "1")
    unreadable = {"orders": LazyInput(unread, given["orders"].digest)}
    events, again = compute_stage(plan, unreadable, tmp_path / "2", intermediates)
    assert ran(events) == []
    assert [path.name for path in again] == [path.name for path in intermediates]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in intermediates]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "gone", "other input"])
def test_an_intermediate_that_is_damaged_or_stale_is_not_used(
    sales: Dataflow,
    given: dict[str, LazyInput],
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, (file,) = compute_stage(sales.plan(["report"], stop_at="prices"), given, tmp_path / "1")
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[:-1])
    elif damage == "flipped":
        content[-1] ^= 1
        file.write_bytes(content)
    elif damage == "foreign":
        file.write_bytes(b"something else altogether")
    elif damage == "gone":
        file.unlink()
    else:
        given = {"orders": LazyInput(given["orders"].read, lambda: "other orders")}
    made, events = finish(sales, given, tmp_path / "2", (file,))
    assert made["report"] == "x2 16 1"
    assert "priced" in ran(events)
    warned = "none of the 1 intermediates of the earlier stages can be used" in caplog.text
    assert warned is (damage not in {"foreign", "gone"})  # which are not recognized as results
    assert damage == "gone" or file.exists()  # the run must not delete it


def test_a_result_that_cannot_be_saved_is_computed_by_the_stage_that_needs_it(
    flow_of: Flows,
    given: dict[str, LazyInput],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = """
        import pandas as pd

        def prices(orders: pd.DataFrame) -> set:
            return set(orders["price"])

        def report(prices: set) -> str:
            return f"{sum(prices):g}"
    """
    odd = flow_of(source, "report", checkpoints={"cut": "prices"})
    with caplog.at_level(logging.WARNING):
        _, intermediates = compute_stage(odd.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    assert intermediates == ()
    assert "node 'prices' is not saved and will be computed again: no codec" in caplog.text
    made, events = finish(odd, given, tmp_path / "2", (), "report")
    assert made == {"report": "8"}
    assert ran(events) == ["prices", "report"]


def test_a_stage_frees_results_that_only_later_stages_need(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    source = """
        import gc
        import pandas as pd

        def first(orders: pd.DataFrame) -> pd.DataFrame:
            return orders.assign(marker=1.0)

        def alive(last: int) -> int:
            return last

        def second(first: pd.DataFrame) -> int:
            return len(first)

        def last(second: int) -> int:
            gc.collect()
            frames = [item for item in gc.get_objects() if isinstance(item, pd.DataFrame)]
            return sum("marker" in frame.columns for frame in frames)

        def report(alive: int, first: pd.DataFrame) -> str:
            return f"{alive} {len(first)}"
    """
    flow = flow_of(source, "report", checkpoints={"cut": "alive"})
    plan = flow.plan(["report"], stop_at="cut")
    assert set(plan.stage_outputs) == {"first", "alive"}
    _, intermediates = compute_stage(plan, given, tmp_path / "1")
    made, _ = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "0 3"}


CHOSEN = """
    import pandas as pd
    from hamilton.function_modifiers import config

    @config.when(factor=3.0)
    def cleaned(orders: pd.DataFrame) -> pd.DataFrame:
        return orders

    def report(orders: pd.DataFrame) -> str:
        return str(len(orders))
"""


@pytest.mark.parametrize("node", ["cleaned", "orders", "factor"])
def test_a_stage_is_empty_if_no_function_computes_its_boundary(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path, node: str
) -> None:
    flow = flow_of(CHOSEN, "report", params=(FACTOR,), checkpoints={"cut": node})
    unreadable = {"orders": LazyInput(unread, lambda: "the orders")}
    events, intermediates = compute_stage(
        flow.plan(["report"], stop_at="cut"), unreadable, tmp_path / "1"
    )
    assert (ran(events), intermediates) == ([], ())
    made, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "3"}


def test_import_effects_of_later_stages_are_in_the_fingerprints_of_all_stages(
    flow_of: Flows,
    module_of: Callable[..., ModuleType],
    given: dict[str, LazyInput],
    tmp_path: Path,
) -> None:
    contract = flow_of(CHOSEN, "report", checkpoints={"cut": "cleaned"}).contract
    first = """
        import pandas as pd

        def cleaned(orders: pd.DataFrame) -> pd.DataFrame:
            return orders
    """
    second = """
        import pandas as pd

        pd.set_option("display.width", 80)

        def report(cleaned: pd.DataFrame) -> str:
            return str(len(cleaned))
    """
    modules_of = (module_of(first, "first"), module_of(second, "second"))
    flow = Dataflow(contract, modules_of, {"cut": "cleaned"})
    _, intermediates = compute_stage(flow.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    _, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert ran(events) == ["report"]


def test_a_function_may_change_an_intermediate_in_place(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    source = """
        import pandas as pd

        def sizes(orders: pd.DataFrame) -> pd.Series:
            return pd.Series(pd.Categorical(["low", "high", "low"]))

        def report(sizes: pd.Series) -> str:
            sizes.iloc[0] = "high"
            return " ".join(sizes)
    """
    flow = flow_of(source, "report", checkpoints={"cut": "sizes"})
    _, intermediates = compute_stage(flow.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    made, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "high high low"}
    assert ran(events) == ["report"]
