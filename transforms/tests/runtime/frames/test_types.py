from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from isthmus_contracts import Column, ColumnType, Table
from isthmus_transforms.runtime.frames.types import arrow_schema, arrow_type, type_name


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


def test_in_memory_texts_may_have_more_than_2_gib() -> None:
    assert arrow_type("string") == pa.large_string()
    assert arrow_type("float64") == pa.float64()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.float64(), "float64"),
        (pa.float32(), "float"),
        (pa.int32(), "int32"),
        (pa.date32(), "date"),
        (pa.timestamp("ns", "Asia/Tokyo"), "timestamp"),
        (pa.timestamp("us"), "timestamp without a time zone"),
        (pa.dictionary(pa.int8(), pa.large_string()), "categories of string"),
    ],
)
def test_types_are_named_in_the_contracts_words(found: pa.DataType, words: str) -> None:
    assert type_name(found) == words
