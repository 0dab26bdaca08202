"""Run one function of `flight_facts.py` in its own process.

`python alone.py graph` prints, as JSON, what each function takes; `python alone.py NAME FOLDER`
reads what one takes from the folder's Parquet files, and writes its result beside them.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import flight_facts
import pandas as pd


def graph() -> dict[str, list[str]]:
    """Return the names of what each function takes, by its own."""
    return {
        name: list(inspect.signature(function).parameters)
        for name, function in inspect.getmembers(flight_facts, inspect.isfunction)
    }


def run(name: str, folder: Path) -> None:
    """Compute one function's result from files, into a file."""
    function = getattr(flight_facts, name)
    taken = {
        value: read(folder / f"{value}.parquet", parameter.annotation == "pd.Series")
        for value, parameter in inspect.signature(function).parameters.items()
    }
    made = function(**taken)
    frame = made.to_frame(name) if isinstance(made, pd.Series) else made
    frame.to_parquet(folder / f"{name}.parquet", index=False)


def read(file: Path, is_column: bool) -> pd.DataFrame | pd.Series:
    """Return a file's table, or its only column."""
    frame = pd.read_parquet(file)
    return frame[frame.columns[0]] if is_column else frame


if __name__ == "__main__":
    if sys.argv[1] == "graph":
        sys.stdout.write(json.dumps(graph()))
    else:
        run(sys.argv[1], Path(sys.argv[2]))
