from __future__ import annotations

import math
from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import Column, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.validation.checker import Checker

MIXED = Table(
    "mixed",
    "Every rule at once.",
    (
        Column("k", "int64", "Key.", minimum=-2, maximum=2),
        Column("s", "string", "Choice.", choices=("a", "b")),
        Column("f", "float64", "Share.", minimum=-1, maximum=1),
        Column("n", "float64", "Free.", nullable=True, maximum=5),
    ),
    key=("k", "s"),
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-4, 4),
        st.none() | st.sampled_from("abc"),
        st.none() | st.floats(-2, 2) | st.just(math.nan),
        st.none() | st.floats() | st.sampled_from([5.0, 6.0, math.inf]),
    ),
    max_size=12,
)


def naive(rows: list[tuple[object, ...]]) -> set[str]:
    """Count by hand what each rule finds."""
    found: dict[str, int] = {}
    for i, column in enumerate(MIXED.columns):
        values = [row[i] for row in rows]
        present = [value for value in values if value is not None and value == value]  # noqa: PLR0124
        numbers = [value for value in present if isinstance(value, int | float)]
        if not column.nullable:
            found[f"{column.name} null"] = len(values) - len(present)
        if column.minimum is not None:
            found[f"{column.name} below"] = sum(number < column.minimum for number in numbers)
        if column.maximum is not None:
            found[f"{column.name} above"] = sum(number > column.maximum for number in numbers)
        if column.type == "float64":
            found[f"{column.name} infinite"] = sum(map(math.isinf, numbers))
        if column.choices:
            found[f"{column.name} outside"] = sum(value not in column.choices for value in present)
    keys = Counter(row[:2] for row in rows)
    found["key"] = sum(count > 1 for count in keys.values())
    return {f"{rule} {count}" for rule, count in found.items() if count}


def in_short(problem: str) -> str:
    words = problem.removeprefix("table 'mixed': ").split()
    if words[1] in ("key", "keys"):
        return f"key {words[0]}"
    name, count = words[1].strip("'"), words[3]
    rules = ("below", "above", "outside", "infinite", "null")
    rule = next(name for name in rules if name in problem)
    return f"{name} {rule} {count}"


@given(ROWS, st.integers(1, 5))
def test_it_finds_what_a_naive_check_finds(rows: list[tuple[object, ...]], size: int) -> None:
    types = [pa.int64(), pa.string(), pa.float64(), pa.float64()]
    batches = [
        pa.RecordBatch.from_arrays(
            [
                pa.array([row[i] for row in rows[start : start + size]], kind)
                for i, kind in enumerate(types)
            ],
            ["k", "s", "f", "n"],
        )
        for start in range(0, len(rows), size)
    ]
    checker = Checker(MIXED)
    for batch in batches:
        checker.add(batch)
    found: tuple[str, ...] = ()
    try:
        assert checker.finish() == len(rows)
    except TableContractError as error:
        found = error.problems
    assert {in_short(result) for result in found} == naive(rows)
