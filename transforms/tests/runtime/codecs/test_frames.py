from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from isthmus_transforms.runtime.codecs import NotSavableError, codec_for
from isthmus_transforms.runtime.frames.digests import digest_of_frame


def _back(value: object) -> object:
    codec, file = codec_for(value), io.BytesIO()
    codec.write(value, file)
    file.seek(0)
    return codec.read(file)


def _same_frame(frame: pd.DataFrame) -> None:
    back = _back(frame)
    assert isinstance(back, pd.DataFrame)
    assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    assert list(back.dtypes) == list(frame.dtypes)
    assert type(back.index) is type(frame.index)
    assert back.index.identical(frame.index)
    assert back.columns.identical(frame.columns)
    if isinstance(frame.index, pd.RangeIndex):
        assert (back.index.start, back.index.step) == (frame.index.start, frame.index.step)


DTYPES = (
    st.sampled_from(["int8", "int64", "uint16", "float32", "float64", "bool"])
    | st.sampled_from(["Int8", "Int64", "UInt32", "Float32", "Float64", "boolean"])
    | st.sampled_from(["str", "string", "string[python]"])
    | st.sampled_from(["datetime64[s]", "datetime64[ns]", "timedelta64[us]"])
    | st.sampled_from(["datetime64[us, UTC]", "datetime64[ns, America/New_York]"])
)


@st.composite
def _columns(draw: st.DrawFn, rows: int, *, nullable: bool = True) -> pd.Series:
    dtype = draw(DTYPES)
    values: list[object] = draw(st.lists(st.integers(0, 100), min_size=rows, max_size=rows))  # type: ignore[assignment]
    if dtype.startswith("str"):
        values = [chr(value + 40) for value in values]  # type: ignore[arg-type]
    if dtype == "boolean":
        values = [value > 50 for value in values]  # type: ignore[operator]
    series = pd.Series(values).astype(dtype)
    if nullable and not dtype.startswith(("int", "uint", "bool")) and rows and draw(st.booleans()):
        series.iloc[0] = pd.NA if dtype[0] in "IUF" else None
    if dtype == "boolean" and rows:
        series.iloc[0] = pd.NA
    if not dtype.startswith(("bool", "boolean")) and draw(st.booleans()):
        ordered = draw(st.booleans())
        series = series.astype(pd.CategoricalDtype(series.dropna().unique()[::-1], ordered=ordered))
    return series


@st.composite
def _frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 5))
    names = draw(st.lists(st.text(min_size=1), unique=True, max_size=4))
    frame = pd.DataFrame({name: draw(_columns(rows)) for name in names}, index=range(rows))
    frame.columns = frame.columns.astype("str")
    frame.columns.name = draw(st.none() | st.just("columns"))
    kind = draw(st.sampled_from(["range", "stepped", "values", "days"]))
    if kind == "stepped":
        frame.index = pd.RangeIndex(3, 3 + 2 * rows, 2)
    elif kind == "values":
        frame.index = pd.Index(draw(_columns(rows, nullable=False)))
    elif kind == "days":
        frame.index = pd.date_range("2013-01-01", periods=rows, freq="D")
    frame.index.name = draw(st.none() | st.just("the index"))
    return frame


@given(_frames())
def test_frames_come_back_the_same_or_are_refused(frame: pd.DataFrame) -> None:
    try:
        codec_for(frame).write(frame, io.BytesIO())
    except NotSavableError:
        return
    _same_frame(frame)


PRESERVED = {
    "ints": pd.DataFrame({"b": [1], "a": [2]}),
    "nulls": pd.DataFrame({"a": [1.5, np.nan], "b": pd.array([True, None], "boolean")}),
    "strings": pd.DataFrame({"a": ["x", None]}, dtype="str"),
    "utc": pd.DataFrame({"a": pd.to_datetime(["2013-01-01"], utc=True)}),
    "zone": pd.DataFrame({"a": pd.to_datetime(["2013"]).tz_localize(ZoneInfo("Europe/Rome"))}),
    "categories": pd.DataFrame({"a": pd.Categorical(["x", None], ["y", "x"], ordered=True)}),
    "days": pd.DataFrame({"a": [1.0, 2]}, index=pd.date_range("2013", periods=2, freq="MS")),
    "gaps": pd.DataFrame({"a": [1, 2]}, index=[5, 5]),
    "named": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "no rows": pd.DataFrame({"a": np.array([], "float32")}),
    "floats": pd.DataFrame({"a": pd.array([0.5, None], "Float64")}),
    "numbers as names": pd.DataFrame({0: [1]}),
    "an index named like a column": pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")),
    "periods": pd.DataFrame({"a": pd.period_range("2013", periods=1)}),
    "categories without rows": pd.DataFrame({"a": pd.Categorical([], ["y", "x"])}),
    "sliced": pd.DataFrame({"a": range(10)}).iloc[2:8:2],
}  # fmt: skip


@pytest.mark.parametrize("name", PRESERVED)
def test_common_frames_are_saved(name: str) -> None:
    _same_frame(PRESERVED[name])


REFUSED: dict[str, Callable[[], pd.DataFrame]] = {
    "objects": lambda: pd.DataFrame({"a": pd.Series([1, "x"], dtype="object")}),
    "levels": lambda: pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
    "names twice": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "rows without columns": lambda: pd.DataFrame(index=range(3)),
    "exact decimals": lambda: pd.DataFrame({"a": [Decimal("1.0"), Decimal("1.00")]}),
    "a day and a time": lambda: pd.DataFrame(
        {"a": [date(2013, 1, 1), pd.Timestamp(2013, 1, 1, 5).to_pydatetime()]}
    ),
    "NaN that is not NA": lambda: pd.DataFrame(
        {"a": pd.arrays.FloatingArray(np.array([np.nan, 1.0]), np.array([False, True]))}
    ),
    "complex": lambda: pd.DataFrame({"a": [1j]}),
    "a lone surrogate": lambda: pd.DataFrame({"a": pd.array(["\ud800"], "string[python]")}),
    "another class of zone": lambda: pd.DataFrame(
        {"a": pd.to_datetime(["2013"]).tz_localize(timezone(timedelta(seconds=90)))}
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_that_arrow_may_alter_is_refused(name: str) -> None:
    with pytest.raises(NotSavableError):
        _back(REFUSED[name]())
    assert digest_of_frame(REFUSED[name]()) is None


def test_attrs_are_refused() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["unit"] = "km"
    with pytest.raises(NotSavableError, match="attrs"):
        _back(frame)
    with pytest.raises(NotSavableError, match="attrs"):
        _back(frame["a"])


@pytest.mark.parametrize("name", [None, "a", 0, "__values__"])
def test_series_come_back_with_their_name(name: str | int | None) -> None:
    series = pd.Series([1.5, None], index=pd.Index([4, 2], name="id"), name=name)
    back = _back(series)
    assert isinstance(back, pd.Series)
    assert_series_equal(back, series, check_exact=True)
    assert type(back.name) is type(name)


def test_frames_and_series_that_come_back_can_be_changed() -> None:
    series = _back(pd.Series([1.5, 2.5]))
    assert isinstance(series, pd.Series)
    series.iloc[0] = 3.0
    frame = _back(pd.DataFrame({"a": [1.5, 2.5], "t": pd.to_datetime([0, 1], utc=True)}))
    assert isinstance(frame, pd.DataFrame)
    frame.iloc[0, 0] = 3.0
    frame.loc[0, "t"] = pd.Timestamp(9, tz=UTC)
    assert frame.loc[0, "a"] == series[0] == 3.0
