from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from isthmus_contracts import Table
from isthmus_platform.lake.delta.columns import columns_in
from isthmus_platform.lake.delta.tables import commit, read_version
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.schemas import type_name
from isthmus_platform.storage import Location


def test_the_columns_of_a_version_are_those_of_the_contract(
    folder: Location, days: Table, batch: Callable[..., pa.RecordBatch]
) -> None:
    commit(folder, days, write_table(folder, days, [batch()]), "a")
    found = pa.schema(read_version(folder, 0).schema().to_arrow())
    assert columns_in(days) == {
        field.name: type_name(field.type) + ("" if field.nullable else ", not null")
        for field in found
    }
    assert columns_in(days)["gust"] == "float64"
    assert columns_in(days)["flights"] == "int64, not null"
