from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from isthmus_contracts import ColumnType, Table
from isthmus_platform.lake.schemas import arrow_schema, delta_schema, fit, is_stored_as


def test_the_schema_follows_the_contract(days: Table) -> None:
    assert arrow_schema(days) == pa.schema(
        [
            pa.field("origin", pa.string(), nullable=False),
            pa.field("date", pa.date32(), nullable=False),
            pa.field("flights", pa.int64(), nullable=False),
            pa.field("late_share", pa.float64(), nullable=False),
            pa.field("gust", pa.float64()),
            pa.field("is_holiday", pa.bool_()),
            pa.field("updated", pa.timestamp("us", "UTC")),
        ]
    )


def test_delta_keeps_names_order_and_nullability(days: Table) -> None:
    fields = delta_schema(days).fields
    assert [field.name for field in fields] == [column.name for column in days.columns]
    assert [field.nullable for field in fields] == [column.nullable for column in days.columns]


@pytest.mark.parametrize(
    ("found", "declared"),
    [
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.dictionary(pa.int32(), pa.string()), "string"),
        (pa.dictionary(pa.int8(), pa.large_string()), "string"),
        (pa.dictionary(pa.int8(), pa.int64()), "int64"),
        (pa.timestamp("us", "UTC"), "timestamp"),
        (pa.timestamp("us", "+00:00"), "timestamp"),
    ],
)
def test_how_values_are_encoded_is_free(found: pa.DataType, declared: ColumnType) -> None:
    assert is_stored_as(found, declared)


@pytest.mark.parametrize(
    ("found", "declared"),
    [
        (pa.int32(), "int64"),
        (pa.uint64(), "int64"),
        (pa.float32(), "float64"),
        (pa.int64(), "float64"),
        (pa.binary(), "string"),
        (pa.null(), "string"),
        (pa.timestamp("us"), "timestamp"),
        (pa.timestamp("ns", "UTC"), "timestamp"),
        (pa.timestamp("us", "America/New_York"), "timestamp"),
        (pa.date64(), "date"),
        (pa.int8(), "bool"),
        (pa.list_(pa.string()), "string"),
    ],
)
def test_what_values_mean_is_not(found: pa.DataType, declared: ColumnType) -> None:
    assert not is_stored_as(found, declared)


def test_a_batch_is_fitted_into_the_schema(
    days: Table, batch: Callable[..., pa.RecordBatch]
) -> None:
    good = batch()
    shuffled = good.select(list(reversed(good.schema.names)))
    encoded = shuffled.set_column(
        shuffled.schema.get_field_index("origin"),
        "origin",
        good.column("origin").cast(pa.large_string()).dictionary_encode(),
    )
    fitted = fit(days, encoded)
    assert fitted.schema == arrow_schema(days)
    assert fitted.to_pylist() == good.to_pylist()
