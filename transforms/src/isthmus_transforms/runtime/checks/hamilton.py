"""Hamilton's own checks: `@check_output`, `@check_output_custom`, and pandera's schemas with them.

Hamilton makes several nodes of a function with checks: `x_raw` is its result, one node for each
validator holds what the validator found, and `x` is the same value after all have passed. We
replace the function of the last node: Hamilton's would log every value that fails a check.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from hamilton.data_quality.base import DataValidationLevel, DataValidator, ValidationResult
from hamilton.function_modifiers.validation import IS_DATA_VALIDATOR_TAG as CHECKS
from hamilton.node import Node

from isthmus_contracts.formatting import counted, shortened
from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.rules import (
    LONGEST_EXAMPLE,
    LONGEST_MESSAGE,
    MOST_EXAMPLES,
    CheckResult,
    Level,
)
from isthmus_transforms.errors import CheckError
from isthmus_transforms.runtime.checks.result import check_finished

__all__ = ["CHECKS", "Check", "check_of", "passing", "validating", "validator_of"]

_RAW = "_raw"
_COUNTS = ("broken", "out_range", "incorrect_values_count")
"""The diagnostics in which a validator counts the rows that fail it."""
_NA_IS_AMBIGUOUS = "boolean value of NA is ambiguous"
"""What pandas says where a validator decides by a statistic of a masked series that is missing."""
_NAMING = ("COLUMN_NOT_IN_DATAFRAME", "COLUMN_NOT_IN_SCHEMA", "WRONG_DATATYPE")
"""The reasons of pandera for which the failure case names a column or a type, and not a value."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a node checks: the node `raw` holds the value, `subject` holds it after the checks."""

    subject: str
    raw: str
    name: str
    level: Level

    def event(self, result: ValidationResult) -> CheckFinished:
        """Return the event that says what a check found, whatever its author returned."""
        try:
            check_result = _check_result(self, result)
        except Exception as error:  # noqa: BLE001 - what an author's validator returns may do anything
            problem = f"its result cannot be reported: doing so raises {type(error).__name__}"
            check_result = CheckResult(self.name, self.level, result.passes, problem)
        return check_finished(self.subject, check_result)


def check_of(node: Node) -> Check | None:
    """Return what a node with the tag `CHECKS` checks, or None if it has no validator."""
    validator = validator_of(node.callable)
    names = [dependency.name for dependency in node.dependencies]
    if validator is None or len(names) != 1:
        return None
    level: Level = "error" if validator.importance is DataValidationLevel.FAIL else "warning"
    return Check(names[0].removesuffix(_RAW), names[0], validator.name(), level)


def validating(check: Check, validate: Callable[..., object]) -> Callable[..., ValidationResult]:
    """Return a function that runs a validator, and raises for a result of another type."""

    def validated(**given: object) -> ValidationResult:
        try:
            result = validate(**given)
        except TypeError as error:
            if _NA_IS_AMBIGUOUS not in str(error):
                raise
            result = ValidationResult(False, "it compares a missing value (NA) with a bound")
        if not isinstance(result, ValidationResult):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                f"validator {check.name!r} returned a {type(result).__name__}; "
                "expected a ValidationResult of hamilton.data_quality.base"
            )
        # Of masked types, a comparison with what is missing is NA, and fails like one with NaN.
        return replace(result, passes=result.passes is not pd.NA and bool(result.passes))

    return validated


def passing(checks: Sequence[Check], names: Sequence[str]) -> Callable[..., object]:
    """Return a function that takes a value and the results of its validators, under these names.

    The function returns the value, or raises `CheckError` if a check of level `error` failed.
    """

    def passed(**given: object) -> object:
        failed = []
        for check, name in zip(checks, names, strict=True):
            result = given[name]
            if isinstance(result, ValidationResult) and not result.passes:
                failed.append(check.event(result).result)
        refused = [result for result in failed if result.is_refusal]
        if refused:
            raise CheckError("; ".join(f"{result.check}: {result.message}" for result in refused))
        return given[checks[0].raw]

    return passed


def validator_of(function: object) -> DataValidator | None:
    """Return the validator that Hamilton bound to a node's function, through all wrappers.

    Hamilton stores it as a default argument of the function that calls it; in a subdag, that
    function is a default argument of another.
    """
    if not inspect.isfunction(function):
        return None
    for parameter in inspect.signature(function).parameters.values():
        bound = parameter.default
        found = bound if isinstance(bound, DataValidator) else validator_of(bound)
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
    broken_rule = shortened(str(rule), LONGEST_EXAMPLE)
    column = getattr(getattr(error, "schema", None), "name", None)
    where = "" if column is None else f"column {shortened(str(column), LONGEST_EXAMPLE)!r} breaks "
    cases = getattr(error, "failure_cases", None)
    if not isinstance(cases, pd.DataFrame):
        reason = getattr(getattr(error, "reason_code", None), "name", "")
        named = f" ({shortened(str(cases), LONGEST_EXAMPLE)})" if reason in _NAMING else ""
        return f"{where}{broken_rule}{named}", 0, []
    labels = cases["index"].drop_duplicates() if "index" in cases else cases.index[:0]
    count = len(labels) or len(cases)
    shown = [label for label in labels[:MOST_EXAMPLES].tolist() if label is not None]
    return f"{where}{broken_rule} in {counted(count, 'row')}", count, shown
