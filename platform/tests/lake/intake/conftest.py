from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_contracts import Column, Table

ROWS = Table(
    "rows",
    "Rows.",
    (
        Column("n", "int64", "A number."),
        Column("text", "string", "A text.", nullable=True),
        Column("share", "float64", "A share.", nullable=True, warn_maximum=1),
    ),
    key=("n",),
    min_rows=1,
)


@pytest.fixture
def rows() -> Table:
    return ROWS


@pytest.fixture
def good() -> pa.RecordBatch:
    return pa.record_batch({"n": [1, 2, 3], "text": ["a", None, "é"], "share": [0.5, None, 1.5]})


def in_stream(*batches: pa.RecordBatch, **options: object) -> bytes:
    file = io.BytesIO()
    given = ipc.IpcWriteOptions(**options)
    with ipc.new_stream(file, batches[0].schema, options=given) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return file.getvalue()


@pytest.fixture
def stream() -> Callable[..., bytes]:
    """Return batches as a stream, with options of the writer."""
    return in_stream


@pytest.fixture
def staged(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write a staged file."""

    def write(content: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.arrows"
        path.write_bytes(content)
        return path

    return write
