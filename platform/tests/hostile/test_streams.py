"""What a hostile runner stages as a table: nothing may end the task, take memory or pass."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_platform.errors import StagingError, TableContractError, UserError
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake

pytestmark = pytest.mark.slow
MEMORY_LIMIT = 512_000_000


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path
    lake: Lake
    peaks: list[int]

    def accepted_table(self, content: bytes) -> Accepted: ...


def stream(rows: pa.RecordBatch, **options: object) -> bytes:
    file = io.BytesIO()
    with ipc.new_stream(file, rows.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(rows)
    return file.getvalue()


def message_length(content: bytes) -> int:
    return 8 + int.from_bytes(content[4:8], "little")


def refused(field: Battlefield, content: bytes, why: str) -> UserError:
    """Expect a refusal, soon, that leaves nothing in the lake, by a process within its limit."""
    before = sorted((field.folder / "lake").rglob("*.*"))
    start = time.monotonic()
    with pytest.raises((StagingError, TableContractError), match=why) as caught:
        field.accepted_table(content)
    assert time.monotonic() - start < 30
    assert len(str(caught.value)) < 5_000
    assert sorted((field.folder / "lake").rglob("*.*")) == before
    assert field.peaks
    assert max(field.peaks) < MEMORY_LIMIT
    return caught.value


def test_a_stream_that_is_cut_off_is_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    content = stream(days)
    for length in (0, 3, 8, message_length(content), len(content) - 9, len(content) - 4):
        refused(field, content[:length], "a staged file cannot be read")
    assert field.accepted_table(content).output("days").files[0].rows == days.num_rows


def changed(days: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    return days.set_column(days.schema.get_field_index(name), name, column)


def texts(offsets: list[int], data: bytes) -> pa.Array:
    """Return texts whose offsets nobody has checked."""
    packed = struct.pack(f"<{len(offsets)}i", *offsets)
    buffers = [None, pa.py_buffer(packed), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


@pytest.mark.parametrize(
    "offsets", [[0, 1 << 30, 6], [0, -1, 6], [5, 3, 6], [0, 3, 1 << 30], [-(2**31), 3, 6]]
)
def test_offsets_that_are_wrong_are_refused(
    field: Battlefield, days: pa.RecordBatch, offsets: list[int]
) -> None:
    content = bytearray(stream(changed(days, "origin", texts([0, 3, 6], b"EWRJFK"))))
    good = struct.pack("<3i", 0, 3, 6)
    at = content.index(good)
    content[at : at + len(good)] = struct.pack("<3i", *offsets)
    refused(field, bytes(content), "cannot be read")


def test_texts_that_are_no_utf_8_are_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    content = stream(changed(days, "origin", texts([0, 3, 6], b"EWRJFK")))
    refused(field, content.replace(b"EWRJFK", b"EW\xff\xfeFK"), "the data cannot be read")


def test_a_million_fields_are_refused(field: Battlefield) -> None:
    many = pa.schema([(f"column_{number}", pa.int64()) for number in range(1_000_000)])
    content = many.serialize().to_pybytes() + b"\xff\xff\xff\xff\0\0\0\0"
    refused(field, content, "a message with .* bytes of metadata; allowed: 16,777,216")


def test_ten_thousand_fields_are_told_in_short(field: Battlefield) -> None:
    many = pa.schema([(f"column_{number}", pa.int64()) for number in range(10_000)])
    content = many.serialize().to_pybytes() + b"\xff\xff\xff\xff\0\0\0\0"
    refused(field, content, "and .* more")


@pytest.mark.parametrize("depth", [60, 1_000])
def test_types_that_are_nested_deep_are_refused(field: Battlefield, depth: int) -> None:
    kind = pa.int64()
    for _ in range(depth):
        kind = pa.list_(kind)
    content = pa.schema([("origin", kind)]).serialize().to_pybytes() + b"\xff\xff\xff\xff\0\0\0\0"
    refused(field, content, "days")


def _integers(content: bytes) -> list[int]:
    """Return where 8 bytes are an integer that could be a length."""
    found = [struct.unpack_from("<q", content, at)[0] for at in range(0, len(content) - 8, 8)]
    return [at * 8 for at, value in enumerate(found) if 0 <= value < len(content)]


@pytest.mark.parametrize("lie", [1 << 62, 1 << 40, 1 << 31, -1, -(1 << 63)])
def test_lengths_that_lie_are_refused_or_do_nothing(
    field: Battlefield, days: pa.RecordBatch, lie: int
) -> None:
    content = stream(days)
    head = message_length(content)
    end = head + message_length(content[head:])
    places = [at for at in _integers(content) if head <= at < end]
    assert len(places) > 20
    refusals = 0
    for at in places[::5]:
        lying = content[:at] + struct.pack("<q", lie) + content[at + 8 :]
        try:
            field.accepted_table(lying)
        except (StagingError, TableContractError):
            refusals += 1
    assert refusals


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_buffers_are_refused(
    field: Battlefield, days: pa.RecordBatch, compression: str
) -> None:
    many = pa.Table.from_batches([days] * 100).combine_chunks().to_batches()[0]
    refused(field, stream(many, compression=compression), "compressed")


def test_a_small_file_of_large_buffers_takes_no_memory(
    field: Battlefield, days: pa.RecordBatch
) -> None:
    count = 30_000_000
    zeros = pa.py_buffer(bytes(8 * (count + 1)))
    columns = [
        pa.Array.from_buffers(kind, count, [None, zeros, zeros][: 3 if kind == pa.string() else 2])
        for kind in days.schema.types
    ]
    rows = pa.RecordBatch.from_arrays(columns, schema=days.schema)
    content = stream(rows, compression="zstd")
    assert len(content) < 1_000_000 < MEMORY_LIMIT < rows.nbytes
    refused(field, content, "takes more than 512 MB of memory")


def test_a_dictionary_is_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    refused(
        field, stream(changed(days, "origin", days["origin"].dictionary_encode())), "has type dict"
    )


def test_views_that_repeat_a_text_are_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    views = pa.array(["x" * 1_000_000, "y"], pa.string_view())
    refused(field, stream(changed(days, "origin", views)), "has type string_view")


class Money(pa.ExtensionType):  # type: ignore[misc] # pyarrow has no types
    """A type that only its writer knows."""

    def __init__(self) -> None:
        super().__init__(pa.string(), "\x1b[31mmoney")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"code"


def test_an_extension_type_is_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    money = pa.ExtensionArray.from_storage(Money(), days["origin"])
    error = refused(field, stream(changed(days, "origin", money)), "has the extension type")
    assert "\x1b" not in str(error)


def test_metadata_reach_no_reader(field: Battlefield, days: pa.RecordBatch) -> None:
    schema = days.schema.with_metadata({"pandas": "the canary sings", "ARROW:schema": "AAAA"})
    schema = schema.set(0, schema.field(0).with_metadata({"PARQUET:field_id": "the canary sings"}))
    rows = pa.RecordBatch.from_arrays(days.columns, schema=schema)
    (file,) = field.accepted_table(stream(rows)).output("days").files
    assert b"canary" not in field.lake.path(file.path).local().read_bytes()


def test_what_follows_the_end_is_refused(field: Battlefield, days: pa.RecordBatch) -> None:
    refused(field, stream(days) + b"PAR1", "4 bytes after its end")


def test_parquet_is_refused(field: Battlefield) -> None:
    refused(field, b"PAR1" + bytes(1_000) + b"PAR1", "it is not an Arrow IPC stream")
