from __future__ import annotations

import io
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_transforms.runtime.codecs import NotSavableError, codec_for


def _back(value: object) -> object:
    codec, file = codec_for(value), io.BytesIO()
    codec.write(value, file)
    file.seek(0)
    return codec.read(file)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def _typed(value: object) -> object:
    if isinstance(value, dict):
        return "dict", [(key, _typed(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [_typed(item) for item in value]
    return type(value).__name__, repr(value)


@given(PLAIN)
def test_plain_values_come_back_with_their_types(value: object) -> None:
    assert _typed(_back(value)) == _typed(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, -0.0, math.nan, "\ud800", b"\0x", 10**400])
def test_odd_values_come_back(value: object) -> None:
    assert repr(_back(value)) == repr(value)


CONTAINS_ITSELF: list[object] = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)


@pytest.mark.parametrize(
    "value",
    [
        {1: 2},
        [Decimal(1)],
        {"a": np.float64(1)},
        CONTAINS_ITSELF,
        [10**5000],
        object(),
        {1},
        Decimal(1),
    ],
)
def test_a_value_that_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(NotSavableError):
        _back(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["2020-01-01"], "M8[ns]"),
        np.array([1, 2], ">i4"),
        np.zeros((0, 3), "float32"),
        np.array(["a", "bc"]),
        np.array(5),
    ],
)
def test_arrays_come_back_and_can_be_changed(array: np.ndarray) -> None:
    back = _back(array)
    assert isinstance(back, np.ndarray)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


@pytest.mark.parametrize("value", [np.float64(0.1), np.int64(3), np.bool_(True)])
def test_numpy_scalars_keep_their_type(value: object) -> None:
    back = _back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("array", [np.array([None]), np.array([(1, 2.0)], "i4,f8")])
def test_arrays_of_objects_or_records_are_refused(array: np.ndarray) -> None:
    with pytest.raises(NotSavableError):
        _back(array)


def test_arrow_tables_come_back() -> None:
    table = pa.table({"a": [1, None], "b": [["x"], []]}).replace_schema_metadata({"k": "v"})
    back = _back(table)
    assert isinstance(back, pa.Table)
    assert back.equals(table, check_metadata=True)
