"""The fields of Airflow's trigger form: one for each param, two for the interval of a run."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from isthmus_contracts import DataflowContract
from isthmus_contracts import Param as ContractParam
from isthmus_contracts.dataflows import INTERVAL_FIELDS

_INTERVAL_MEANINGS = (
    "First day that the run is for; without both days, the run is for everything.",
    "Day after the last day that the run is for.",
)


def form_fields(contract: DataflowContract) -> dict[str, Param]:
    """Return the fields of a dataflow; only one with partitions runs for an interval."""
    fields = {param.name: form_field(param) for param in contract.params}
    if contract.partitioned:
        fields |= {
            name: Param(None, type=["null", "string"], format="date", description=meaning)
            for name, meaning in zip(INTERVAL_FIELDS, _INTERVAL_MEANINGS, strict=True)
        }
    return fields


def form_field(param: ContractParam) -> Param:
    """Return the field of Airflow's trigger form that allows what the contract allows."""
    rules = _plain_rules(param)
    match param.type:
        case "array":
            rules = {"type": "array", "items": rules}
            if param.plain_type == "string" and param.choices:
                rules["examples"] = list(param.choices)  # the form then offers them for selection
        case "object":
            rules = {"type": "object", "additionalProperties": rules}
    return Param(param.check(param.default), description=param.description, **rules)


def _plain_rules(param: ContractParam) -> dict[str, Any]:
    """Return the JSON schema of a plain value, whose own values have many types."""
    rules: dict[str, Any] = {"type": param.plain_type or ["string", "number", "boolean"]}
    if param.minimum is not None:
        rules["minimum"] = param.minimum
    if param.maximum is not None:
        rules["maximum"] = param.maximum
    if param.choices:
        rules["enum"] = list(param.choices)
    return rules
