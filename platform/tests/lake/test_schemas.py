from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from isthmus_contracts import ColumnType, Table
from isthmus_platform.lake.schemas import arrow_schema, fit, is_staged_as, is_stored_as


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
    ("found", "is_allowed"),
    [
        (pa.string(), True),
        (pa.large_string(), True),
        (pa.string_view(), False),
        (pa.dictionary(pa.int32(), pa.string()), False),
        (pa.list_(pa.string()), False),
        (pa.run_end_encoded(pa.int32(), pa.string()), False),
    ],
)
def test_a_runner_stages_texts_that_are_written_out(found: pa.DataType, is_allowed: bool) -> None:
    assert is_staged_as(found, "string") is is_allowed


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
    assert not is_staged_as(found, declared)


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
