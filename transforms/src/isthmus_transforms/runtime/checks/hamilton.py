"""Hamilton's own checks: `@check_output`, `@check_output_custom`, and pandera's schemas with them.

Hamilton makes several nodes of a function that is checked: `x_raw` is what it returned, a node for
each validator says what that found, and `x` is the same value once all have passed. The last is
ours here: Hamilton's would log values, as many as broke a check.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from hamilton.data_quality.base import DataValidationLevel, DataValidator, ValidationResult
from hamilton.function_modifiers.validation import IS_DATA_VALIDATOR_TAG as CHECKS
from hamilton.node import Node

from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.rules import (
    LONGEST_EXAMPLE,
    LONGEST_MESSAGE,
    MOST_EXAMPLES,
    CheckResult,
    Level,
)
from isthmus_contracts.sentences import counted, shortened
from isthmus_transforms.errors import CheckError
from isthmus_transforms.runtime.checks.result import check_finished

__all__ = ["CHECKS", "Check", "check_of", "passing", "validating"]

_RAW = "_raw"
_COUNTS = ("broken", "out_range", "incorrect_values_count")
"""Under which of its diagnostics a validator counts what broke it."""
_NAMING = ("COLUMN_NOT_IN_DATAFRAME", "COLUMN_NOT_IN_SCHEMA", "WRONG_DATATYPE")
"""For which of pandera's reasons the case names a column or a type, and is no value."""


@dataclass(frozen=True, slots=True)
class Check:
    """Know what a node checks: `raw` holds the value, and `subject` once it has passed."""

    subject: str
    raw: str
    name: str
    level: Level

    def told(self, result: ValidationResult) -> CheckFinished:
        """Return the event that tells what a check has found, whatever its author put there."""
        try:
            check_result = _check_result(self, result)
        except Exception as error:  # noqa: BLE001 - what an author's validator returns may do anything
            problem = f"its result cannot be reported: doing so raises {type(error).__name__}"
            check_result = CheckResult(self.name, self.level, result.passes, problem)
        return check_finished(self.subject, check_result)


def check_of(node: Node) -> Check | None:
    """Return what a node that has the tag `CHECKS` checks, if Hamilton made it for a validator."""
    validator = _validator_of(node.callable)
    names = [dependency.name for dependency in node.dependencies]
    if validator is None or len(names) != 1:
        return None
    level: Level = "error" if validator.importance is DataValidationLevel.FAIL else "warning"
    return Check(names[0].removesuffix(_RAW), names[0], validator.name(), level)


def validating(check: Check, validate: Callable[..., object]) -> Callable[..., ValidationResult]:
    """Return a function that says what a validator found, and takes nothing else for that."""

    def validated(**given: object) -> ValidationResult:
        result = validate(**given)
        if not isinstance(result, ValidationResult):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                f"validator {check.name!r} returned a {type(result).__name__}; "
                "expected a ValidationResult of hamilton.data_quality.base"
            )
        return replace(result, passes=bool(result.passes))

    return validated


def passing(checks: Sequence[Check], names: Sequence[str]) -> Callable[..., object]:
    """Return a function that takes a value and what its validators found, under these names.

    It returns the value, or raises `CheckError` if one failed that has to pass.
    """

    def passed(**given: object) -> object:
        failed = []
        for check, name in zip(checks, names, strict=True):
            result = given[name]
            if isinstance(result, ValidationResult) and not result.passes:
                failed.append(check.told(result).result)
        refused = [result for result in failed if result.is_refusal]
        if refused:
            raise CheckError("; ".join(f"{result.check}: {result.message}" for result in refused))
        return given[checks[0].raw]

    return passed


def _validator_of(function: object) -> DataValidator | None:
    """Return the validator that Hamilton bound to a node's function, however often it wrapped it.

    It keeps it as a default of the function that calls it, and that one, in a subdag, as a default
    of another.
    """
    if not inspect.isfunction(function):
        return None
    for parameter in inspect.signature(function).parameters.values():
        bound = parameter.default
        found = bound if isinstance(bound, DataValidator) else _validator_of(bound)
        if found is not None:
            return found
    return None


def _check_result(check: Check, result: ValidationResult) -> CheckResult:
    about = result.diagnostics if isinstance(result.diagnostics, dict) else {}
    cases = about.get("schema_errors")
    if not result.passes and isinstance(cases, list) and cases:
        return _of_schema(check, cases)
    counts = [about[name] for name in _COUNTS if name in about]
    broken = int(counts[0]) if counts and not result.passes else 0
    examples = about.get("examples", ()) if not result.passes else ()
    shown = examples[:MOST_EXAMPLES] if isinstance(examples, list | tuple) else ()
    found = shortened(str(result.message), LONGEST_MESSAGE)
    return CheckResult(
        check.name, check.level, result.passes, found, max(0, broken), tuple(map(str, shown))
    )


def _of_schema(check: Check, errors: Sequence[object]) -> CheckResult:
    """Return the check_result of a schema of pandera, with the labels of rows that broke it.

    Its own message would show values.
    """
    clauses, broken = [], 0
    rows: dict[str, None] = {}
    for error in errors:
        clause, count, labels = _case(error)
        clauses.append(clause)
        broken += count
        for label in labels:
            rows.setdefault(f"row {label}")
    more = len(clauses) - MOST_EXAMPLES
    found = "; ".join(clauses[:MOST_EXAMPLES]) + (f"; and {more} more" if more > 0 else "")
    return CheckResult(check.name, check.level, False, found, broken, tuple(rows)[:MOST_EXAMPLES])


def _case(error: object) -> tuple[str, int, list[object]]:
    """Return what one of pandera's errors is about, how many rows broke it, and labels of some."""
    check = getattr(error, "check", None)
    rule = getattr(check, "error", None) or getattr(check, "name", None) or check
    told = shortened(str(rule), LONGEST_EXAMPLE)
    column = getattr(getattr(error, "schema", None), "name", None)
    where = "" if column is None else f"column {shortened(str(column), LONGEST_EXAMPLE)!r} breaks "
    cases = getattr(error, "failure_cases", None)
    if not isinstance(cases, pd.DataFrame):
        reason = getattr(getattr(error, "reason_code", None), "name", "")
        named = f" ({shortened(str(cases), LONGEST_EXAMPLE)})" if reason in _NAMING else ""
        return f"{where}{told}{named}", 0, []
    labels = cases["index"].drop_duplicates() if "index" in cases else cases.index[:0]
    count = len(labels) or len(cases)
    shown = [label for label in labels[:MOST_EXAMPLES].tolist() if label is not None]
    return f"{where}{told} in {counted(count, 'row')}", count, shown
