"""Measure staging of frames of each dtype, beside pyarrow's own conversion and writing.

`python staging.py ROWS ROUNDS` prints JSON: for each dtype, the median seconds of `stage` and of
`pyarrow.Table.from_pandas` with the writing of the same format. `python staging.py wide ROWS` does
so once for a frame of forty columns of texts, dates and objects.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from isthmus_contracts import Column, ColumnType, Table
from isthmus_transforms.runtime.frames.types import arrow_schema
from isthmus_transforms.runtime.staging import stage

COLUMNS = 4
WIDE = ("str", "object texts", "category", "object dates", "datetime64 days")


def frames(rows: int) -> dict[str, tuple[ColumnType, Callable[[], pd.Series]]]:
    """Return, for each dtype, the contract's type of a column and what makes one."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 10_000, rows)
    days = np.datetime64("2013-01-01", "D") + codes
    return {
        "float64": ("float64", lambda: pd.Series(random.random(rows))),
        "float32": ("float64", lambda: pd.Series(random.random(rows, dtype="float32"))),
        "int64": ("int64", lambda: pd.Series(codes)),
        "int32": ("int64", lambda: pd.Series(codes.astype("int32"))),
        "Int64": ("int64", lambda: pd.Series(codes).astype("Int64")),
        "bool": ("bool", lambda: pd.Series(codes % 2 == 0)),
        "boolean": ("bool", lambda: pd.Series(codes % 2 == 0).astype("boolean")),
        "str": ("string", lambda: pd.Series(codes).astype("str")),
        "object texts": ("string", lambda: pd.Series(codes).astype("str").astype(object)),
        "category": ("string", lambda: pd.Series(codes).astype("str").astype("category")),
        "datetime64 days": ("date", lambda: pd.Series(days.astype("datetime64[s]"))),
        "object dates": ("date", lambda: pd.Series(list(days.astype(dt.date)), dtype=object)),
        "datetime64, UTC": (
            "timestamp",
            lambda: pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC"),
        ),
    }


def measure(table: Table, frame: pd.DataFrame, rounds: int) -> Mapping[str, float]:
    """Return the median seconds of both ways, which take turns after an uncounted round."""
    times: dict[str, list[float]] = {"staged": [], "pyarrow": []}
    with TemporaryDirectory() as folder:
        ways = {
            "staged": lambda: stage(table, frame, Path(folder)),
            "pyarrow": lambda: write(table, frame, Path(folder) / "pyarrow"),
        }
        for _ in range(rounds + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def write(table: Table, frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as a stream of the contract's types, as pyarrow's users do."""
    rows = pa.Table.from_pandas(frame, arrow_schema(table), preserve_index=False)
    with path.open("wb") as file, ipc.new_stream(file, rows.schema) as stream:
        stream.write_table(rows)


def main(*arguments: str) -> None:
    """Print the seconds as JSON."""
    found: dict[str, Mapping[str, float]] = {}
    if arguments[0] == "wide":
        made = frames(int(arguments[1]))
        columns = {f"c{i}": made[WIDE[i % len(WIDE)]] for i in range(40)}
        table = Table("wide", "W.", tuple(Column(n, k, "C.") for n, (k, _) in columns.items()))
        frame = pd.DataFrame({name: make() for name, (_, make) in columns.items()})
        found["wide"] = measure(table, frame, 1)
    else:
        rows, rounds = map(int, arguments)
        for dtype, (kind, make) in frames(rows).items():
            names = [f"c{i}" for i in range(COLUMNS)]
            table = Table("frame", "F.", tuple(Column(name, kind, "C.") for name in names))
            found[dtype] = measure(table, pd.DataFrame({name: make() for name in names}), rounds)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
