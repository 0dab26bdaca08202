"""Rules: what a contract promises about values, and how the result of a check reads.

`table_rules` and `column_rules` turn a declaration into rules, which are plain data. Each side
counts the violations in data as it holds them; `check_result` turns a rule and a count into a
`CheckResult`. The two sides share no evaluator, and write the same sentences.

>>> from isthmus_contracts import Column
>>> not_null, finite, minimum = column_rules(Column("price", "float64", "In EUR.", minimum=0))
>>> check_result(minimum, Count(2, extreme=-1.5)).message
"column 'price' has 2 values below 0 (the smallest is -1.5); the contract says at least 0"
>>> check_result(not_null, Count(0)).message
"column 'price' is not null"
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from isthmus_contracts.dataflows import Metric, Metrics
from isthmus_contracts.formatting import counted, shortened, shown, shown_number
from isthmus_contracts.tables import Column, Table

Level: TypeAlias = Literal["error", "warning"]
Kind: TypeAlias = Literal[
    "nulls", "finite", "years", "minimum", "maximum", "choices", "key", "min_rows"
]

_PROMISES: Mapping[Kind, str] = {
    "finite": "finite",
    "years": "in the years 1 to 9999",
    "key": "one row for each key",
}
MOST_EXAMPLES = 5
LONGEST_EXAMPLE = 100
LONGEST_MESSAGE = 500
MOST_EXAMPLES_IN_A_SENTENCE = 3


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Say what one check found.

    `check` names the rule within its table or metrics, as in `price.minimum`. `message` is a
    clause, such as `column 'a' has 2 nulls; the contract says not null`. `violations` counts what
    violates the rule; `examples` are keys of a few such rows.
    """

    check: str
    level: Level
    passed: bool
    message: str
    violations: int = 0
    examples: tuple[str, ...] = ()

    @property
    def is_refusal(self) -> bool:
        """Say whether the data must not be published."""
        return self.level == "error" and not self.passed

    @property
    def sentence(self) -> str:
        """Return the message and, unless it names them itself, rows to look at."""
        few = self.examples[:MOST_EXAMPLES_IN_A_SENTENCE]
        examples = [shortened(example, LONGEST_EXAMPLE) for example in few]
        if not examples or examples[0] in self.message:
            return self.message
        return f"{self.message} (see {', '.join(examples)})"

    def bounded(self) -> CheckResult:
        """Return the result as it may travel: with few examples, and no long text."""
        few = self.examples[:MOST_EXAMPLES]
        examples = tuple(shortened(example, LONGEST_EXAMPLE) for example in few)
        return replace(self, message=shortened(self.message, LONGEST_MESSAGE), examples=examples)


SCHEMA_PASSED = CheckResult("schema", "error", True, "the columns and types are as in the contract")


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one promise about the rows of a table.

    `limit` is the bound of a `minimum` or `maximum`, the share of rows that may be null (`nulls`),
    or the least number of rows of a table or partition (`min_rows`). For `nulls`, `nan` says
    whether the column could hold NaN, which counts as null.
    """

    check: str
    kind: Kind
    level: Level = "error"
    column: str = ""
    limit: float = 0.0
    choices: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    nan: bool = False

    @property
    def promise(self) -> str:
        """Say what the contract promises, as in `at least 0`."""
        usually = "usually " if self.level == "warning" else ""
        match self.kind:
            case "nulls":
                return f"usually at most {self.limit:.0%}" if usually else "not null"
            case "minimum" | "maximum":
                side = "least" if self.kind == "minimum" else "most"
                return f"{usually}at {side} {shown_number(self.limit)}"
            case "choices":
                return "one of " + ", ".join(self.choices)
            case "min_rows":
                return shown_number(self.limit)
            case "finite" | "years" | "key":
                return _PROMISES[self.kind]


@dataclass(frozen=True, slots=True)
class Count:
    """Hold what one side counted of a rule.

    `violations` are rows; `rows` is how many there are (for a share of nulls); `extreme` is the
    smallest or largest value (for a bound); `values` are a few of the values or keys that violate
    the rule, as texts; `keys` is how many keys several rows have; `sizes` holds the number of rows
    of each partition, or of the table under None.
    """

    violations: int
    rows: int = 0
    extreme: float | None = None
    values: Sequence[str] = ()
    keys: int = 0
    sizes: Mapping[str | None, int] | None = None
    examples: tuple[str, ...] = ()


def table_rules(table: Table) -> Iterator[Rule]:
    """Yield the rules of a table: those of each column, of its key and of its size."""
    for column in table.columns:
        yield from column_rules(column)
    if table.key:
        yield Rule("key", "key", key=table.key)
    if table.min_rows:
        yield Rule("min_rows", "min_rows", limit=table.min_rows)


def column_rules(column: Column) -> Iterator[Rule]:
    """Yield the rules for the values of a column."""
    name = column.name
    if not column.nullable:
        yield Rule(f"{name}.nullable", "nulls", column=name, nan=column.type == "float64")
    if column.type == "float64":
        yield Rule(f"{name}.finite", "finite", column=name)
    if column.type in ("date", "timestamp"):
        yield Rule(f"{name}.years", "years", column=name)
    if column.warn_nulls is not None:
        yield Rule(f"{name}.warn_nulls", "nulls", "warning", name, column.warn_nulls)
    if column.choices:
        yield Rule(f"{name}.choices", "choices", column=name, choices=column.choices)
    bounds: tuple[tuple[Kind, Level, str, float | None], ...] = (
        ("minimum", "error", "minimum", column.minimum),
        ("maximum", "error", "maximum", column.maximum),
        ("minimum", "warning", "warn_minimum", column.warn_minimum),
        ("maximum", "warning", "warn_maximum", column.warn_maximum),
    )
    for kind, level, field, bound in bounds:
        if bound is not None:
            yield Rule(f"{name}.{field}", kind, level, name, bound)


def is_violated(rule: Rule, count: Count) -> bool:
    """Say whether what was counted violates the rule."""
    if rule.kind == "nulls":
        return count.violations > rule.limit * count.rows
    if rule.kind == "min_rows":
        return bool(_too_small(rule, count))
    return count.violations > 0


def check_result(rule: Rule, count: Count) -> CheckResult:
    """Return the result of one rule, with its sentence."""
    if not is_violated(rule, count):
        return CheckResult(rule.check, rule.level, True, _passed_clause(rule))
    clause = f"{_found(rule, count)}; the contract says {rule.promise}"
    violations = len(_too_small(rule, count)) if rule.kind == "min_rows" else count.violations
    return CheckResult(rule.check, rule.level, False, clause, violations, count.examples)


def schema_problems(table: Table, names: Iterable[str]) -> Iterator[str]:
    """Yield a clause for each column that is missing, is there twice or is not in the contract."""
    times = Counter(names)
    known = {column.name: column for column in table.columns}
    for name, column in known.items():
        if not times[name]:
            yield f"column {name!r} is missing; the contract says {column.type}"
        elif times[name] > 1:
            yield f"column {name!r} occurs {times[name]} times; the contract says once"
    for name in times:
        if name not in known:
            yield f"column {shown(name)} is not in the contract"


def metric_results(metrics: Metrics, values: Mapping[str, object]) -> Iterator[CheckResult]:
    """Yield a result for each metric of the contract, and for each value that is not in it."""
    known = {metric.name: metric for metric in metrics.metrics}
    for name, metric in known.items():
        if name not in values:
            yield _metric_result(name, "is missing")
        else:
            value = values[name]
            problem = _metric_problem(metric, value)
            yield _metric_result(name, f"is {_shown_metric(value)}{problem}", passed=not problem)
    for name in values:
        if name not in known:
            clause = f"metric {shown(name)} is not in the contract"
            yield CheckResult("metrics", "error", False, clause, 1)


def _metric_result(name: str, clause: str, *, passed: bool = False) -> CheckResult:
    return CheckResult(name, "error", passed, f"metric {name!r} {clause}", 0 if passed else 1)


def _metric_problem(metric: Metric, value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "" if metric.nullable else "; the contract says not null"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ", which is not a number"
    if math.isinf(value):
        return "; the contract says finite"
    if metric.minimum is not None and value < metric.minimum:
        return f"; the contract says at least {shown_number(metric.minimum)}"
    if metric.maximum is not None and value > metric.maximum:
        return f"; the contract says at most {shown_number(metric.maximum)}"
    return ""


def _shown_metric(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return shown_number(value)
    return f"a {type(value).__name__}"


def _passed_clause(rule: Rule) -> str:
    if rule.kind == "key":
        return f"there is one row for each key ({', '.join(rule.key)})"
    if rule.kind == "min_rows":
        return f"there are at least {counted(int(rule.limit), 'row')}"
    if rule.kind == "nulls" and rule.level == "warning":
        return f"column {rule.column!r} has at most {rule.limit:.0%} nulls"
    return f"column {rule.column!r} is {rule.promise}"


def _found(rule: Rule, count: Count) -> str:
    such = ", ".join(count.values[:MOST_EXAMPLES_IN_A_SENTENCE])
    them = "it" if count.violations == 1 else "them"
    match rule.kind:
        case "key":
            keys = f"{counted(count.keys, 'key')} ({', '.join(rule.key)})"
            return f"{keys} in {counted(count.violations, 'row')}, such as {such}"
        case "min_rows":
            return f"there {_sizes(_too_small(rule, count))}"
        case "nulls":
            found = counted(count.violations, "null or NaN value" if rule.nan else "null")
            if rule.level == "warning":
                found += f" in {counted(count.rows, 'row')}"
        case "finite":
            found = (
                f"{counted(count.violations, 'infinite value')} (make {them} null, or limit {them})"
            )
        case "years":
            found = f"{counted(count.violations, 'value')} in other years (make {them} null)"
        case "choices":
            found = f"{counted(count.violations, 'value')} outside its choices (such as {such})"
        case "minimum" | "maximum":
            found = _beyond(rule, count)
    return f"column {rule.column!r} has {found}"


def _beyond(rule: Rule, count: Count) -> str:
    side, extreme = ("below", "smallest") if rule.kind == "minimum" else ("above", "largest")
    values = f"{counted(count.violations, 'value')} {side} {shown_number(rule.limit)}"
    if count.extreme is None:
        return values
    return f"{values} (the {extreme} is {shown_number(count.extreme)})"


def _too_small(rule: Rule, count: Count) -> dict[str | None, int]:
    return {name: size for name, size in (count.sizes or {}).items() if size < rule.limit}


def _sizes(small: Mapping[str | None, int]) -> str:
    listed = [
        counted(size, "row") if name is None else f"{counted(size, 'row')} in partition {name}"
        for name, size in list(small.items())[:MOST_EXAMPLES]
    ]
    more = len(small) - len(listed)
    rest = f" and too few in {counted(more, 'more partition')}" if more else ""
    verb = "is" if listed[0].startswith("1 ") else "are"
    return f"{verb} only {', '.join(listed)}{rest}"
