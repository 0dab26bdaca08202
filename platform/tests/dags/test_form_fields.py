"""The fields of Airflow's trigger form."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError

from isthmus_contracts import Param
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
