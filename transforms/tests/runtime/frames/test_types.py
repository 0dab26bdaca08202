from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from isthmus_contracts import Column, ColumnType, Table
from isthmus_transforms.runtime.frames.types import arrow_schema, same_kind


def test_every_type_of_a_contract_has_its_type_in_arrow() -> None:
    types = get_args(ColumnType)
    table = Table("t", "All.", tuple(Column(f"c_{type_}", type_, "One.") for type_ in types))
    assert {field.name: str(field.type) for field in arrow_schema(table)} == {
        "c_string": "string",
        "c_int64": "int64",
        "c_float64": "double",
        "c_bool": "bool",
        "c_date": "date32[day]",
        "c_timestamp": "timestamp[us, tz=UTC]",
    }


def test_the_schema_keeps_order_and_nulls() -> None:
    columns = (Column("b", "int64", "B."), Column("a", "string", "A.", nullable=True))
    assert [(field.name, field.nullable) for field in arrow_schema(Table("t", "T.", columns))] == [
        ("b", False),
        ("a", True),
    ]


STRING, INSTANT = pa.string(), pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        (pa.string(), STRING, True),
        (pa.large_string(), STRING, True),
        (pa.string_view(), STRING, True),
        (pa.binary(), STRING, False),
        (pa.dictionary(pa.int8(), pa.string()), STRING, False),
        (pa.timestamp("ns", tz="America/New_York"), INSTANT, True),
        (pa.timestamp("us"), INSTANT, False),
        (pa.date32(), INSTANT, False),
        (pa.int64(), pa.int64(), True),
        (pa.int32(), pa.int64(), False),
        (pa.float32(), pa.float64(), False),
        (pa.date64(), pa.date32(), False),
    ],
)
def test_only_storage_may_differ(found: pa.DataType, wanted: pa.DataType, same: bool) -> None:
    assert same_kind(found, wanted) is same
