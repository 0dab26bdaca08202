from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from isthmus_contracts import Column, Table
from isthmus_platform.lake.delta.columns import columns_of
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.storage import Location

Batch = Callable[..., pa.RecordBatch]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


def test_the_columns_of_a_version_have_the_types_of_the_contract(
    folder: Location, days: Table, batch: Batch
) -> None:
    commit(folder, days, write_table(folder, days, [batch()]), "a")
    assert columns_of(folder, 0) == {
        column.name: column.type if column.nullable else f"{column.type}, not null"
        for column in days.columns
    }
