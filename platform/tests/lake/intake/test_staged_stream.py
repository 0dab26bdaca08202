from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from isthmus_platform.lake.intake.staged_stream import StagedStream, StreamError

Stream = Callable[..., bytes]
Staged = Callable[[bytes], Path]
MOST = 1 << 20


def read(path: Path, most: int = MOST) -> list[pa.RecordBatch]:
    """Read and validate all batches, as acceptance does."""
    with path.open("rb", buffering=0) as file:
        stream = StagedStream(file, path.stat().st_size, most)
        batches = list(stream.batches(stream.schema()))
        for batch in batches:
            batch.validate(full=True)
        return batches


def refused(path: Path, most: int = MOST) -> str:
    with pytest.raises((StreamError, pa.ArrowInvalid)) as caught:
        read(path, most)
    return str(caught.value)


def test_batches_are_read_as_they_were_written(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    assert read(staged(stream(good, good.slice(1), good.slice(0, 0)))) == [
        good,
        good.slice(1),
        good.slice(0, 0),
    ]


def test_what_was_read_is_digested_to_the_end(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    content = stream(good) + b"more"
    path = staged(content)
    with path.open("rb", buffering=0) as file:
        found = StagedStream(file, len(content), MOST)
        with pytest.raises(StreamError, match="it has 4 bytes after its end"):
            list(found.batches(found.schema()))
        found.drain()
    expected = (len(content), hashlib.sha256(content).hexdigest())
    assert (found.digest.bytes, found.digest.sha256) == expected


def test_what_is_appended_later_is_not_read(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    content = stream(good)
    path = staged(content + b"more")
    with path.open("rb", buffering=0) as file:
        found = StagedStream(file, len(content), MOST)
        assert list(found.batches(found.schema())) == [good]
        found.drain()
    assert found.digest.bytes == len(content)


def test_metadata_are_read_past(stream: Stream, staged: Staged, good: pa.RecordBatch) -> None:
    schema = good.schema.with_metadata({"pandas": "{}", "geo": "{}"})
    noted = schema.set(0, schema.field(0).with_metadata({"unit": "m"}))
    batch = pa.RecordBatch.from_arrays(good.columns, schema=noted)
    (found,) = read(staged(stream(batch)))
    assert found.equals(good)


class Money(pa.ExtensionType):  # type: ignore[misc] # pyarrow has no types
    """A type that only its writer knows."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "money")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_compressed_batch_is_refused(stream: Stream, staged: Staged, compression: str) -> None:
    batch = pa.record_batch({"n": [7] * 10_000})
    assert "it has a batch that is compressed" in refused(
        staged(stream(batch, compression=compression))
    )


def test_a_dictionary_is_refused(stream: Stream, staged: Staged) -> None:
    batch = pa.record_batch({"text": pa.array(["a", "b"]).dictionary_encode()})
    assert refused(staged(stream(batch))) == "it has a message of type dictionary"


def test_an_extension_type_is_refused(stream: Stream, staged: Staged) -> None:
    money = pa.ExtensionArray.from_storage(Money(), pa.array([1]))
    found = refused(staged(stream(pa.record_batch({"n": money}))))
    assert found == "column 'n' has the extension type 'money'"


@pytest.mark.parametrize("values", [[1, 2], ["a", None]])
def test_texts_that_are_no_text_and_other_false_values_are_refused(
    stream: Stream, staged: Staged, values: list[object]
) -> None:
    content = bytearray(stream(pa.record_batch({"x": values})))
    at = content.rindex(b"a") if "a" in values else content.rindex(b"\2\0\0\0\0\0\0\0")
    content[at] = 0xFF
    path = staged(bytes(content))
    if "a" in values:
        assert "Invalid UTF8" in refused(path)
    else:
        assert read(path)[0].column(0).to_pylist() == [1, 255]


def test_a_stream_that_ends_early_is_refused(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    content = stream(good, good)
    for length in range(len(content)):
        assert refused(staged(content[:length])), length
    assert read(staged(content))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it ends without an end of the stream"),
        (b"PAR1" + bytes(100), "it is not an Arrow IPC stream"),
        (b"ARROW1\0\0" + bytes(100), "it is not an Arrow IPC stream"),
        (b"\xff" * 4, "it ends without an end of the stream"),
        (b"\xff" * 4 + bytes(4), "it does not begin with a schema"),
        (b"\xff" * 8, "it has a message with -1 bytes of metadata; allowed: 16,777,216 at most"),
        (
            b"\xff" * 4 + b"\0\0\0\x7f",
            "it has a message with 2,130,706,432 bytes of metadata; allo",
        ),
        (b"\xff" * 4 + b"\x10\0\0\0" + b"\xaa" * 16, "Invalid flatbuffers message"),
    ],
)
def test_what_is_no_stream_is_refused(staged: Staged, content: bytes, problem: str) -> None:
    assert problem in refused(staged(content))


def test_a_batch_before_the_schema_is_refused(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    whole, schema = stream(good), stream(good.slice(0, 0))
    length = 8 + int.from_bytes(schema[4:8], "little")
    assert refused(staged(whole[length:])) == "it does not begin with a schema"
    assert "it has a message of type schema" in refused(staged(whole[:length] + whole))


def test_a_batch_that_is_larger_than_memory_allows_is_refused(
    stream: Stream, staged: Staged
) -> None:
    path = staged(stream(pa.record_batch({"n": range(1_000)})))
    assert len(read(path, 8_000)) == 1
    found = refused(path, 7_999)
    assert found == "it has a batch of 8,000 bytes; the memory of acceptance allows 7,999"


def test_a_length_that_lies_is_refused(
    stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    content = stream(good)
    found = 0
    for at in range(0, len(content) - 8, 8):  # one of these integers is the length of the body
        value = int.from_bytes(content[at : at + 8], "little")
        if 0 < value < len(content):
            changed = content[:at] + (1 << 40).to_bytes(8, "little") + content[at + 8 :]
            try:
                read(staged(changed))
            except (StreamError, pa.ArrowInvalid) as error:
                found += "it ends within a batch" in str(error)
    assert found


@pytest.mark.parametrize("seed", range(5))
def test_bytes_that_are_changed_are_refused_or_valid(
    stream: Stream, staged: Staged, good: pa.RecordBatch, seed: int
) -> None:
    source = random.Random(seed)  # noqa: S311 - it protects nothing
    content = stream(good, good)
    outcomes = set()
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(source.randint(1, 4)):
            changed[source.randrange(len(changed))] = source.randrange(256)
        try:
            read(staged(bytes(changed)))
        except (StreamError, pa.ArrowInvalid):
            outcomes.add("refused")
        else:
            outcomes.add("read")
    assert outcomes == {"refused", "read"}
