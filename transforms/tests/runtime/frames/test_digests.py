from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isthmus_contracts import Column, Interval, Table
from isthmus_contracts.dataflows import Input
from isthmus_transforms.runtime.frames.digests import (
    digest_of_files,
    digest_of_frame,
    digest_of_input,
    digest_of_value,
)


def test_the_digest_of_files_covers_content_and_order(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("a")
    two.write_text("b")
    assert digest_of_files([one, two]) != digest_of_files([two, one])
    before = digest_of_files([one])
    assert digest_of_files([one.rename(tmp_path / "3")]) == before


ORDERS = Input(Table("orders", "Orders.", (Column("day", "date", "Day."),)), "shop", "day")
JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
FEBRUARY = Interval(date(2013, 2, 1), date(2013, 3, 1))


def test_the_digest_of_an_input_covers_files_columns_and_interval(tmp_path: Path) -> None:
    file = tmp_path / "orders.parquet"
    file.write_bytes(b"some rows")
    digest = digest_of_input(ORDERS, [file], JANUARY)
    assert digest == digest_of_input(ORDERS, [file], JANUARY)
    table = ORDERS.table
    text = replace(ORDERS, table=replace(table, columns=(Column("day", "timestamp", "Day."),)))
    others = [
        digest_of_input(ORDERS, [file], FEBRUARY),
        digest_of_input(ORDERS, [file], None),
        digest_of_input(ORDERS, [file, file], JANUARY),
        digest_of_input(text, [file], JANUARY),
        digest_of_input(ORDERS, [file], JANUARY, masked_types=True),
    ]
    assert len({digest, *others}) == 6


def test_an_interval_that_filters_no_rows_does_not_change_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "orders.parquet"
    file.write_bytes(b"some rows")
    whole = replace(ORDERS, filter_column=None)
    assert digest_of_input(whole, [file], JANUARY) == digest_of_input(whole, [file], FEBRUARY)


def test_a_file_that_is_missing_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_of_files([tmp_path / "nowhere"])


BASE = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan]})


@pytest.mark.parametrize(
    "other",
    [
        BASE.rename(columns={"a": "x"}),
        BASE[["b", "a"]],
        BASE.astype({"a": "int32"}),
        BASE.iloc[::-1],
        BASE.iloc[::-1].reset_index(drop=True),
        BASE.set_index(pd.Index([1, 2])),
        BASE.rename_axis("i"),
        BASE.assign(a=[1, 3]),
        BASE.fillna(0.0),
    ],
)
def test_the_digest_of_a_frame_covers_every_difference(other: pd.DataFrame) -> None:
    assert digest_of_frame(other) not in {None, digest_of_frame(BASE)}
    assert digest_of_frame(BASE.copy()) == digest_of_frame(BASE)


def test_the_categories_of_a_frame_without_rows_count() -> None:
    one, two, again = (
        digest_of_frame(pd.DataFrame({"k": pd.Categorical([], categories)}))
        for categories in (["a"], ["a", "b"], ["a"])
    )
    assert one is not None
    assert one == again != two
    assert two is not None


def test_a_frame_without_rows_whose_index_has_categories_has_no_digest() -> None:
    assert digest_of_frame(pd.DataFrame(index=pd.CategoricalIndex([], ["a"]))) is None


def test_the_digest_of_a_value_covers_type_and_value() -> None:
    frame = pd.DataFrame({"a": [1]})
    values = (1, 1.0, True, "1", b"1", [1], (1,), {"a": 1}, np.array([1]), frame, frame["a"])
    digests = [digest_of_value(value) for value in values]
    assert None not in digests
    assert len(set(digests)) == len(values)
    assert digest_of_value({"a": [1, (2,)]}) == digest_of_value({"a": [1, (2,)]})


def test_a_value_that_no_codec_writes_exactly_has_no_digest() -> None:
    for value in (object(), {1}, [object()], pd.DataFrame({"a": [object()]}), lambda: 1):
        assert digest_of_value(value) is None
