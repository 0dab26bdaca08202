from __future__ import annotations

import pandas as pd
import pytest

from isthmus_contracts.catalog import FLIGHT_DELAYS
from isthmus_contracts.tables import Table
from isthmus_transforms.dataflows.flight_delays import dataflow

pytestmark = pytest.mark.slow

OUTPUTS = [output.name for output in FLIGHT_DELAYS.outputs]
KINDS = {"string": "str", "date": "datetime64[us]"}


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_every_output_is_as_the_contract_says(
    year_inputs: dict[str, pd.DataFrame], model: str
) -> None:
    made = dataflow.compute(OUTPUTS, year_inputs, {"model": model})
    assert list(made) == OUTPUTS
    for output in FLIGHT_DELAYS.outputs:
        if isinstance(output, Table):
            _check_table(made[output.name], output)
    names = {metric.name for metric in FLIGHT_DELAYS.output("delay_metrics").metrics}
    assert made["delay_metrics"].keys() == names
    assert made["delay_model"].startswith(b"PK")
    assert made["model_card"].startswith(b"<!doctype html>")


def _check_table(frame: pd.DataFrame, table: Table) -> None:
    assert list(frame) == [column.name for column in table.columns]
    assert len(frame) >= table.min_rows
    assert not frame.duplicated(list(table.key)).any()
    assert frame.equals(frame.sort_values(list(table.key), ignore_index=True))
    for column in table.columns:
        values = frame[column.name]
        assert values.dtype == KINDS.get(column.type, column.type), column.name
        assert column.nullable or values.notna().all(), column.name
        if column.minimum is not None:
            assert (values.dropna() >= column.minimum).all(), column.name
        if column.maximum is not None:
            assert (values.dropna() <= column.maximum).all(), column.name
        if column.choices:
            assert set(values.dropna()) <= set(column.choices), column.name


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_the_order_of_the_flights_changes_nothing(
    year_inputs: dict[str, pd.DataFrame], model: str
) -> None:
    shuffled = {
        name: table.sample(frac=1, random_state=1).reset_index(drop=True)
        for name, table in year_inputs.items()
    }
    first = dataflow.compute(OUTPUTS, year_inputs, {"model": model})
    second = dataflow.compute(OUTPUTS, shuffled, {"model": model})
    for name in ("flight_features", "carrier_scores"):
        assert first[name].equals(second[name])
    for name in ("delay_model", "model_card", "delay_metrics"):
        assert first[name] == second[name]


def test_inputs_are_left_as_they_were(year_inputs: dict[str, pd.DataFrame]) -> None:
    before = {name: table.copy() for name, table in year_inputs.items()}
    dataflow.compute(["flight_features"], year_inputs)
    for name, table in year_inputs.items():
        assert table.equals(before[name])


def test_a_service_can_ask_for_the_probability(year_inputs: dict[str, pd.DataFrame]) -> None:
    asked = dataflow.compute(["is_late_probability"], year_inputs, {"test_from_month": 12})
    assert len(asked["is_late_probability"]) == 31 * 3


def test_one_airport_alone(year_inputs: dict[str, pd.DataFrame]) -> None:
    made = dataflow.compute(["flight_features"], year_inputs, {"origin": "JFK"})
    assert set(made["flight_features"]["origin"]) == {"JFK"}


def test_the_checkpoint_holds_the_joined_flights(year_inputs: dict[str, pd.DataFrame]) -> None:
    made = dataflow.compute(["joined_flights"], year_inputs)
    assert len(made["joined_flights"]) == len(year_inputs["flights"])


def test_every_node_is_documented() -> None:
    for module in dataflow.modules:
        for name, function in vars(module).items():
            if callable(function) and getattr(function, "__module__", "") == module.__name__:
                assert name.startswith("_") or function.__doc__, name
