from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_contracts import Column, Partitioning, Table
from isthmus_platform.lake.intake.table_encoder import (
    EncodedFile,
    LocalEncoder,
    TableEncoder,
    TableReport,
)
from isthmus_platform.lake.schemas import arrow_schema

Stream = Callable[..., bytes]
Staged = Callable[[bytes], Path]


@pytest.fixture
def encoder() -> Iterator[LocalEncoder]:
    with LocalEncoder(64_000_000) as encoder:
        yield encoder


def add(encoder: TableEncoder, path: Path, partition: str | None = None) -> EncodedFile:
    with path.open("rb", buffering=0) as staged, path.with_suffix(".parquet").open("xb") as target:
        return encoder.add(staged, target, partition)


def encode(encoder: TableEncoder, table: Table, *paths: Path) -> TableReport:
    encoder.begin(table, ())
    for path in paths:
        add(encoder, path)
    return encoder.finish()


def test_what_is_staged_is_encoded(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    path = staged(stream(good.select(["share", "n", "text"])))
    encoder.begin(rows, ())
    found = add(encoder, path)
    content, written = path.read_bytes(), path.with_suffix(".parquet").read_bytes()
    for digest, data in ((found.staged, content), (found.written, written)):
        assert (digest.bytes, digest.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert found.rows == 3
    report = encoder.finish()
    assert report.problems == ()
    assert [warning.check for warning in report.warnings] == ["share.warn_maximum"]
    table = parquet.read_table(path.with_suffix(".parquet"))
    assert table.schema.equals(arrow_schema(rows))
    assert table.to_pylist() == good.to_pylist()


def test_the_same_rows_in_other_batches_and_types_are_the_same_file(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    large = good.set_column(1, "text", good["text"].cast(pa.large_string()))
    digests = set()
    for batches in ([good], [good.slice(0, 1), good.slice(1)], [large]):
        encoder.begin(rows, ())
        digests.add(add(encoder, staged(stream(*batches))).written.sha256)
        assert encoder.finish().problems == ()
    assert len(digests) == 1


def test_a_key_is_unique_over_all_files(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    report = encode(encoder, rows, staged(stream(good)), staged(stream(good)))
    (problem,) = report.problems
    assert problem.startswith("table 'rows': 3 keys (n) in 6 rows, such as (1), (2), (3); ")
    assert report.warnings == ()


def test_problems_of_all_files_are_told_at_once(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    nulls = good.set_column(0, "n", pa.array([None, 5, 6], pa.int64()))
    other = good.drop_columns(["text"])
    report = encode(encoder, rows, *(staged(stream(batch)) for batch in (nulls, other, nulls)))
    assert len(report.problems) == 3
    for part in ("column 'text' is missing", "column 'n' has 2 nulls", "3 keys (n) in 6 rows"):
        assert any(part in problem for problem in report.problems), report.problems


def test_an_empty_file_has_its_schema_checked(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    report = encode(encoder, rows, staged(stream(good.slice(0, 0).drop_columns(["text"]))))
    missing, few = report.problems
    assert "column 'text' is missing" in missing
    assert "only 0 rows" in few


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a"] * 3).dictionary_encode(),
        pa.array(["a"] * 3, pa.string_view()),
        pa.array([["a"]] * 3),
        pa.array([{"a": 1}] * 3),
        pa.array([b"a"] * 3),
        pa.nulls(3),
    ],
)
def test_a_column_of_another_type_is_refused(  # noqa: PLR0913, PLR0917 - fixtures
    encoder: LocalEncoder,
    rows: Table,
    stream: Stream,
    staged: Staged,
    good: pa.RecordBatch,
    column: pa.Array,
) -> None:
    report = encode(encoder, rows, staged(stream(good.set_column(1, "text", column))))
    assert "column 'text' has type" in report.problems[0]


def test_what_cannot_be_read_is_digested_to_the_end(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    for content in (b"<p>" * 1000, stream(good)[:-8] + bytes(100), stream(good, compression="lz4")):
        path = staged(content)
        encoder.begin(rows, ())
        found = add(encoder, path)
        assert found.staged.sha256 == hashlib.sha256(content).hexdigest()
        assert "a staged file cannot be read" in encoder.finish().problems[0]


def test_invalid_values_are_refused(
    encoder: LocalEncoder, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    content = stream(good).replace("é".encode(), b"\xff\xfe")
    report = encode(encoder, rows, staged(content))
    assert "the data cannot be read" in report.problems[0]


def test_partitions_are_checked(encoder: LocalEncoder, stream: Stream, staged: Staged) -> None:
    columns = (Column("day", "date", "Day."),)
    table = Table("t", "T.", columns, min_rows=1, partitioning=Partitioning("day", "month"))
    encoder.begin(table, ("2013-01", "2013-02"))
    add(encoder, staged(stream(pa.record_batch({"day": [date(2013, 2, 1)]}))), "2013-01")
    problems = encoder.finish().problems
    assert [problem.removeprefix("table 't': ") for problem in problems] == [
        "the file of partition 2013-01 has rows of 2013-02",
        "there are only 0 rows in partition 2013-02; the contract says 1",
    ]


def test_no_table_is_finished_before_it_has_begun(encoder: LocalEncoder) -> None:
    with pytest.raises(RuntimeError, match="no table was begun"):
        encoder.finish()


def test_large_texts_are_encoded_in_batches(
    encoder: LocalEncoder, stream: Stream, staged: Staged
) -> None:
    table = Table("t", "T.", (Column("text", "string", "A text."),))
    batch = pa.record_batch({"text": pa.array(["x" * 100_000] * 100, pa.large_string())})
    path = staged(stream(*[batch] * 5))
    assert encode(encoder, table, path).problems == ()
    footer = parquet.read_metadata(path.with_suffix(".parquet"))
    assert (footer.num_rows, footer.num_row_groups) == (500, 2)
