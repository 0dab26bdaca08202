"""The fields of Airflow's trigger form."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from isthmus_contracts import Param, ParamError, ParamValue
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS
from isthmus_platform.dags.form_fields import form_field, form_fields


def test_params_become_fields_with_their_rules() -> None:
    fields = form_fields(PARCEL_DELAYS)
    month = fields["test_from_month"]
    assert month.value == 10
    rules = (month.schema["type"], month.schema["minimum"], month.schema["maximum"])
    assert rules == ("integer", 2, 12)
    assert fields["model"].schema["enum"] == ["logistic", "boosting"]
    assert fields["model"].description == PARCEL_DELAYS.params[2].description


def test_only_a_dataflow_with_partitions_has_fields_for_an_interval() -> None:
    assert "interval_start" not in form_fields(PARCEL_DELAYS)
    fields = form_fields(COURIER_DAYS)
    assert [fields[name].value for name in ("interval_start", "interval_end")] == [None, None]
    assert fields["interval_end"].resolve("2013-02-01") == "2013-02-01"


AIRPORTS = Param("airports", "array", ["JFK"], "Which.", of="string", choices=("EWR", "JFK", "LGA"))
MONTHS = Param("months", "array", [], "Which.", of="integer", minimum=1, maximum=12)
WEIGHTS = Param("weights", "object", {"JFK": 1.5}, "How much.", of="number", minimum=0)
SETTINGS = Param("settings", "object", {"depth": 3, "loss": "log", "fast": True}, "Of the model.")


def test_arrays_and_objects_become_fields_with_the_rules_of_their_values() -> None:
    airports, choices = form_field(AIRPORTS), ["EWR", "JFK", "LGA"]
    assert airports.value == ["JFK"]
    assert airports.schema == {
        "type": "array",
        "items": {"type": "string", "enum": choices},
        "examples": choices,
    }
    weights = form_field(WEIGHTS)
    assert weights.value == {"JFK": 1.5}
    assert weights.schema == {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0},
    }


def _trigger(param: Param, value: object) -> object:
    """Return what Airflow's API validates when a person triggers a run with this value."""
    dag = DAG("flow", schedule=None, params={param.name: form_field(param)})
    written = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return written.params.deep_merge({param.name: value}).validate()[param.name]


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (AIRPORTS, []),
        (AIRPORTS, ["LGA", "EWR"]),
        (MONTHS, [1, 12]),
        (WEIGHTS, {}),
        (WEIGHTS, {"LGA": 0, "a b": 2}),
        (SETTINGS, {"depth": 0.5, "loss": "", "fast": False}),
    ],
)
def test_a_run_is_triggered_with_an_array_or_object_that_the_contract_allows(
    param: Param, value: ParamValue
) -> None:
    assert form_field(param).resolve(value) == value
    assert _trigger(param, value) == value
    assert param.check(value) == value


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (AIRPORTS, "JFK"),
        (AIRPORTS, ["LAX"]),
        (AIRPORTS, [1]),
        (AIRPORTS, {"JFK": 1}),
        (MONTHS, [0]),
        (MONTHS, [1.5]),
        (MONTHS, [True]),
        (MONTHS, None),
        (WEIGHTS, {"LGA": -1}),
        (WEIGHTS, {"LGA": "1"}),
        (WEIGHTS, [1]),
        (SETTINGS, {"depth": None}),
        (SETTINGS, {"sizes": [1]}),
    ],
)
def test_the_form_refuses_an_array_or_object_that_the_contract_refuses(
    param: Param, value: object
) -> None:
    with pytest.raises(ParamError):
        param.check(value)
    with pytest.raises(ParamValidationError):
        form_field(param).resolve(value)
    with pytest.raises(ParamValidationError):
        _trigger(param, value)


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Param("month", "integer", 3, "A month.", minimum=1, maximum=12), 13),
        (Param("month", "integer", 3, "A month.", minimum=1), 0),
        (Param("month", "integer", 3, "A month."), "May"),
        (Param("model", "string", "a", "A model.", choices=("a", "b")), "c"),
    ],
)
def test_the_form_refuses_what_the_contract_refuses(param: Param, value: object) -> None:
    field = form_field(param)
    assert field.resolve() == param.default
    with pytest.raises(ParamValidationError):
        field.resolve(value)
