"""The rules that a contract sets for a table's values, checked with pandera."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pandera.pandas as pa

from isthmus_contracts import Column, Table

_EXAMPLES = 3


def broken_rules(
    table: Table, frame: pd.DataFrame, parts: Mapping[str | None, int] | None = None
) -> list[str]:
    """Return a sentence for each rule that the values break: nulls, ranges, choices, key, rows.

    `parts` holds the number of rows of each partition, all of which must be large enough.
    """
    sizes = {None: len(frame)} if parts is None else parts
    problems = [
        f"{'it' if name is None else f'partition {name!r}'} has {size} rows; "
        f"the contract says at least {table.min_rows}"
        for name, size in sizes.items()
        if size < table.min_rows
    ]
    try:
        _schema(table).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        problems += _sentences(error.failure_cases)
    if table.key and frame.duplicated(list(table.key)).any():
        twice = frame[frame.duplicated(list(table.key))]
        rows = twice[list(table.key)].head(_EXAMPLES).itertuples(index=False, name=None)
        keys = [f"({', '.join(map(_shown, row))})" for row in rows]
        problems.append(
            f"{len(twice)} rows repeat a key ({', '.join(table.key)}), such as {', '.join(keys)}"
        )
    return problems


def _schema(table: Table) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        {
            each.name: pa.Column(nullable=each.nullable, checks=_checks(each))
            for each in table.columns
        }
    )


def _checks(column: Column) -> list[pa.Check]:
    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f"at least {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"at most {column.maximum:g}"))
    if column.choices:
        checks.append(pa.Check.isin(column.choices, error=f"one of {', '.join(column.choices)}"))
    return checks


def _sentences(cases: pd.DataFrame) -> list[str]:
    sentences = []
    for (column, check), group in cases.groupby(["column", "check"], sort=True):
        rule = "not null" if check == "not_nullable" else check
        shown = ", ".join(dict.fromkeys(map(_shown, group["failure_case"].head(_EXAMPLES))))
        sentences.append(
            f"column {column!r} has {len(group)} values such as {shown}; the contract says {rule}"
        )
    return sentences


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
