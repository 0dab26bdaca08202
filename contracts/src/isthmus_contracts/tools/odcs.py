"""The catalog as documents of the Open Data Contract Standard, which other tools read.

Each dataset and each dataflow is one document. What the standard has a word for is said in that
word; what it has none for (units, params, inputs, checkpoints) is a custom property.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import (
    Checkpoint,
    DataflowContract,
    Dataset,
    File,
    Input,
    Metrics,
    Output,
)
from isthmus_contracts.params import Param, param_text
from isthmus_contracts.partitions import Partitioning
from isthmus_contracts.tables import Column, ColumnType, Table

API_VERSION = "v3.2.0"

_INT64 = ("integer", {"format": "i64"})
_FLOAT64 = ("number", {"format": "f64"})
_LOGICAL: Mapping[ColumnType, tuple[str, Mapping[str, object]]] = {
    "string": ("string", {}),
    "int64": _INT64,
    "float64": _FLOAT64,
    "bool": ("boolean", {}),
    "date": ("date", {}),
    "timestamp": ("timestamp", {"timezone": True, "defaultTimezone": "Etc/UTC"}),
}

# JSON leaves these as they are; YAML takes them for line breaks or refuses them.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def odcs_documents(catalog: Catalog) -> dict[str, str]:
    """Return each document's YAML text by its file's name; the same catalog gives the same text."""
    contracts = [*map(_dataset, catalog.datasets), *map(_dataflow, catalog.dataflows)]
    return {
        f"{contract['id']}.odcs.yaml": "\n".join([*_lines(_given(contract)), ""])
        for contract in contracts
    }


def _dataset(dataset: Dataset) -> dict[str, object]:
    return {
        **_head(dataset, dataset.name, "active"),
        "schema": [_table(table) for table in dataset.tables],
    }


def _dataflow(dataflow: DataflowContract) -> dict[str, object]:
    end = dataflow.deprecation
    return {
        **_head(dataflow, str(dataflow.identity), "deprecated" if end else "active"),
        "schema": [_output(output) for output in dataflow.outputs],
        "slaProperties": [{"property": "endOfLife", "value": str(end.until)}] if end else None,
        "customProperties": _custom(
            replacedBy=end.replacement if end else None,
            inputs=[_input(declared) for declared in dataflow.inputs],
            params=[_fields(param) for param in dataflow.params],
            checkpoints=[_fields(checkpoint) for checkpoint in dataflow.checkpoints],
        ),
    }


def _head(declared: Dataset | DataflowContract, identity: str, status: str) -> dict[str, object]:
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": identity,
        "name": declared.name,
        "version": declared.version,
        "status": status,
        "description": {"purpose": declared.description},
        "team": {"name": declared.owner},
    }


def _input(read: Input) -> dict[str, object]:
    return _given(
        {"contract": str(read.source), "table": read.name, "filterColumn": read.filter_column}
    )


def _output(output: Output) -> dict[str, object]:
    match output:
        case Table():
            return _table(output)
        case File():
            return {
                "name": output.name,
                "physicalType": "file",
                "description": output.description,
                "customProperties": _custom(suffix=output.suffix),
            }
        case Metrics():
            return _metrics(output)


def _metrics(metrics: Metrics) -> dict[str, object]:
    logical, options = _FLOAT64
    return {
        "name": metrics.name,
        "logicalType": "object",
        "physicalType": "metrics",
        "description": metrics.description,
        "properties": [
            {
                "name": metric.name,
                "logicalType": logical,
                "logicalTypeOptions": {**options, **_bounds(metric.minimum, metric.maximum)},
                "physicalType": "float64",
                "description": metric.description,
                "required": not metric.nullable,
            }
            for metric in metrics.metrics
        ],
    }


def _table(table: Table) -> dict[str, object]:
    quality: list[object] = []
    if table.key:
        unique = {"arguments": {"properties": list(table.key)}, "mustBe": 0}
        quality.append(_rule("duplicateValues", **unique))
    if table.min_rows:
        quality.append(_rule("rowCount", mustBeGreaterOrEqualTo=table.min_rows))
    document = {
        "name": table.name,
        "logicalType": "object",
        "physicalType": "table",
        "description": table.description,
        "properties": [_column(column, table.key, table.partitioning) for column in table.columns],
        "quality": quality,
        "customProperties": _custom(maxRowChange=table.max_row_change),
    }
    return _given(document)


def _column(column: Column, key: Sequence[str], by: Partitioning | None) -> dict[str, object]:
    logical, options = _LOGICAL[column.type]
    parts = by if by is not None and by.column == column.name else None
    in_key = column.name in key
    valid = {"arguments": {"validValues": list(column.choices)}, "mustBe": 0}
    document = {
        "name": column.name,
        "logicalType": logical,
        "logicalTypeOptions": {**options, **_bounds(column.minimum, column.maximum)},
        "physicalType": column.type,
        "description": column.description,
        "required": not column.nullable,
        "primaryKey": True if in_key else None,
        "primaryKeyPosition": key.index(column.name) + 1 if in_key else None,
        "partitioned": True if parts else None,
        "partitionKeyPosition": 1 if parts else None,
        "quality": [_rule("invalidValues", **valid)] if column.choices else None,
        "customProperties": _custom(
            unit=column.unit,
            inexact=column.inexact or None,
            partitionGranularity=parts.granularity if parts else None,
            warnMinimum=column.warn_minimum,
            warnMaximum=column.warn_maximum,
            warnNulls=column.warn_nulls,
        ),
    }
    return _given(document)


def _bounds(minimum: float | None, maximum: float | None) -> dict[str, object]:
    return _given({"minimum": minimum, "maximum": maximum})


def _rule(metric: str, **promise: object) -> dict[str, object]:
    return {"type": "library", "metric": metric, **promise}


def _custom(**properties: object) -> list[object]:
    return [{"property": name, "value": value} for name, value in _given(properties).items()]


def _fields(declared: Param | Checkpoint) -> dict[str, object]:
    values = {field_.name: getattr(declared, field_.name) for field_ in fields(declared)}
    plain = {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }
    if isinstance(declared, Param) and declared.type in ("array", "object"):
        plain["default"] = param_text(declared.default)  # a YAML key would need quotes
    return _given(plain)


def _given(document: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if value not in (None, [], {})}


def _lines(node: object) -> Iterator[str]:
    # Keys are words of the standard or of this module, which need no quotes.
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield f"{key}:"
                yield from (f"  {line}" for line in _lines(value))
            else:
                yield f"{key}: {_scalar(value)}"
    elif isinstance(node, list):
        for item in node:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(node)


def _scalar(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, float) and "." not in text:
        return text.replace("e", ".0e")  # 1e+20 would be a text in YAML 1.1
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
