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
from isthmus_transforms.runtime.checkpoints import modules
from isthmus_transforms.runtime.checkpoints.planning import CheckpointConfig, LazyInput
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


@pytest.fixture(autouse=True)
def sources_may_be_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe sources that were written after this process has started, as tests do."""
    monkeypatch.setattr(modules, "STARTED", float("inf"))


@pytest.fixture
def sales(flow_of: Flows) -> Dataflow:
    checkpoints = {"prices": "priced", "bands": "banded"}
    return flow_of(SALES, "report", "label", params=(FACTOR,), checkpoints=checkpoints)


@pytest.fixture
def given(orders: pd.DataFrame) -> dict[str, LazyInput]:
    return {"orders": LazyInput(lambda _listen: orders, lambda: "the orders")}


def unread(_listen: object) -> pd.DataFrame:
    raise AssertionError("an input was read that no function needs")


def ran(events: list[Event]) -> list[str]:
    return [event.node for event in events if isinstance(event, NodeStarted)]


def hand_over(
    plan: Plan, given: dict[str, LazyInput], home: Path, intermediates: tuple[Path, ...] = ()
) -> tuple[list[Event], tuple[Path, ...]]:
    """Compute a stage as on a host of its own; return its events, and files for other hosts."""
    events: list[Event] = []
    staging = home / "staging"
    staging.mkdir(parents=True)
    keeping = CheckpointConfig(home / "kept", intermediates=intermediates)
    kept = plan.compute_stage(given, events.append, SEQUENTIAL, keeping)
    return events, tuple(staging / each.path for each in kept.stage(plan.stage_outputs, staging))


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
        given, events.append, SEQUENTIAL, CheckpointConfig(home, intermediates=intermediates)
    )
    return made, events


@pytest.mark.parametrize(
    ("cut", "stage_outputs"),
    [("prices", ("priced",)), ("bands", ("priced", "banded")), ("label", ("label",))],
)
def test_the_frontier_is_what_the_rest_needs(
    sales: Dataflow, cut: str, stage_outputs: tuple[str, ...]
) -> None:
    plan = sales.plan(["report", "label"], stop_at=cut)
    assert tuple(plan.stage_outputs) == stage_outputs
    assert set(plan.nodes) - {"orders", "factor"} == set(stage_outputs)


def test_a_cut_that_no_target_needs_is_handed_on_too(sales: Dataflow) -> None:
    assert tuple(sales.plan(["label"], stop_at="bands").stage_outputs) == ("banded",)


def test_an_output_may_be_the_last_cut(sales: Dataflow) -> None:
    plan = sales.plan(["report", "label"], stop_at="report")
    assert set(plan.stage_outputs) == {"report", "label"}


def test_a_cut_that_is_not_offered_is_refused(sales: Dataflow) -> None:
    with pytest.raises(UnknownNameError, match="no target 'priced'; known: 'report', 'label', "):
        sales.plan(["report"], stop_at="priced")


def test_each_stage_goes_on_where_the_one_before_it_ended(
    sales: Dataflow, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    names = ["report", "label"]
    first = sales.plan(names, stop_at="prices")
    events, intermediates = hand_over(first, given, tmp_path / "1")
    assert ran(events) == ["priced"]
    assert isinstance(events[0], Graph)
    assert [node.target for node in events[0].nodes] == [None, None, "prices"]

    blind = {"orders": LazyInput(unread, lambda: "the orders")}
    second = sales.plan(names, stop_at="bands")
    events, more = hand_over(second, blind, tmp_path / "2", intermediates)
    assert ran(events) == ["banded"]

    made, events = finish(sales, blind, tmp_path / "3", (*intermediates, *more))
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


def test_a_stage_hands_on_what_has_passed_its_checks_and_only_that_stage_tells_of_them(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    flow = flow_of(CHECKED, "report", params=(FACTOR,), checkpoints={"prices": "priced"})
    plan = flow.plan(["report"], stop_at="prices")
    assert tuple(plan.stage_outputs) == ("priced",)
    first, intermediates = hand_over(plan, given, tmp_path / "1")
    made, second = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "x2 16 1"}
    told = [
        [each.subject for each in one if isinstance(each, CheckFinished)] for one in (first, second)
    ]
    assert told == [["priced"], []]


def test_the_same_stage_again_on_another_host_hands_the_same_on(
    sales: Dataflow, given: dict[str, LazyInput], tmp_path: Path
) -> None:
    plan = sales.plan(["report"], stop_at="bands")
    _, intermediates = hand_over(plan, given, tmp_path / "1")
    blind = {"orders": LazyInput(unread, given["orders"].digest)}
    events, again = hand_over(plan, blind, tmp_path / "2", intermediates)
    assert ran(events) == []
    assert [each.name for each in again] == [intermediate.name for intermediate in intermediates]
    assert [each.read_bytes() for each in again] == [
        intermediate.read_bytes() for intermediate in intermediates
    ]


@pytest.mark.parametrize("harm", ["torn", "flipped", "foreign", "gone", "other input"])
def test_what_is_carried_is_not_believed(
    sales: Dataflow,
    given: dict[str, LazyInput],
    tmp_path: Path,
    harm: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, (file,) = hand_over(sales.plan(["report"], stop_at="prices"), given, tmp_path / "1")
    content = bytearray(file.read_bytes())
    if harm == "torn":
        file.write_bytes(content[:-1])
    elif harm == "flipped":
        content[-1] ^= 1
        file.write_bytes(content)
    elif harm == "foreign":
        file.write_bytes(b"something else altogether")
    elif harm == "gone":
        file.unlink()
    else:
        given = {"orders": LazyInput(given["orders"].read, lambda: "other orders")}
    made, events = finish(sales, given, tmp_path / "2", (file,))
    assert made["report"] == "x2 16 1"
    assert "priced" in ran(events)
    unfit = "none of the 1 results that were handed on is of use here" in caplog.text
    assert unfit is (harm not in {"foreign", "gone"})  # which do not look like results
    assert harm == "gone" or file.exists()  # it is not ours to delete


def test_what_cannot_be_kept_is_computed_by_whoever_needs_it(
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
        _, intermediates = hand_over(odd.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    assert intermediates == ()
    assert "node 'prices' is not saved and will be computed anew: no codec" in caplog.text
    made, events = finish(odd, given, tmp_path / "2", (), "report")
    assert made == {"report": "8"}
    assert ran(events) == ["prices", "report"]


def test_a_stage_holds_no_result_longer_than_its_own_functions_need_it(
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
            held = [each for each in gc.get_objects() if isinstance(each, pd.DataFrame)]
            return sum("marker" in each.columns for each in held)

        def report(alive: int, first: pd.DataFrame) -> str:
            return f"{alive} {len(first)}"
    """
    flow = flow_of(source, "report", checkpoints={"cut": "alive"})
    plan = flow.plan(["report"], stop_at="cut")
    assert set(plan.stage_outputs) == {"first", "alive"}
    _, intermediates = hand_over(plan, given, tmp_path / "1")
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
def test_where_a_cut_stands_for_nothing_to_compute_the_stage_does_nothing(
    flow_of: Flows, given: dict[str, LazyInput], tmp_path: Path, node: str
) -> None:
    flow = flow_of(CHOSEN, "report", params=(FACTOR,), checkpoints={"cut": node})
    blind = {"orders": LazyInput(unread, lambda: "the orders")}
    events, intermediates = hand_over(flow.plan(["report"], stop_at="cut"), blind, tmp_path / "1")
    assert (ran(events), intermediates) == ([], ())
    made, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "3"}


def test_code_that_runs_when_a_later_stage_is_loaded_is_the_same_for_all_stages(
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
    _, intermediates = hand_over(flow.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    _, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert ran(events) == ["report"]


def test_a_function_may_change_what_a_stage_handed_on_as_if_it_were_new(
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
    _, intermediates = hand_over(flow.plan(["report"], stop_at="cut"), given, tmp_path / "1")
    made, events = finish(flow, given, tmp_path / "2", intermediates, "report")
    assert made == {"report": "high high low"}
    assert ran(events) == ["report"]
