"""Exact numbers as floats: which float64 stands for a number whose type has every digit."""

from __future__ import annotations

from decimal import Decimal


def exact_float(number: int | Decimal, *, inexact: bool = False) -> float:
    """Return the float64 that stands for a number, or with `inexact` the nearest.

    A float64 stands for the whole number that it is, and for the fraction with whose digits it is
    written. Raise `ValueError`, which says what to do, if none does; with `inexact`, only if the
    number is too large.

    >>> exact_float(2**53), exact_float(Decimal("0.10"))
    (9007199254740992.0, 0.1)
    >>> exact_float(2**53 + 1, inexact=True)
    9007199254740992.0
    >>> exact_float(2**53 + 1)
    Traceback (most recent call last):
    ValueError: float64 cannot hold it exactly; round it, or declare the column with inexact=True
    """
    try:
        nearest = float(number)
    except OverflowError:
        nearest = float("inf")
    if number == nearest or number != number:  # noqa: PLR0124 - NaN
        return nearest
    if nearest in (float("inf"), float("-inf")):
        raise ValueError("it is beyond the range of float64; make it null")
    if inexact or _has_the_digits(nearest, number):
        return nearest
    raise ValueError(
        "float64 cannot hold it exactly; round it, or declare the column with inexact=True"
    )


def _has_the_digits(nearest: float, number: int | Decimal) -> bool:
    if isinstance(number, int) or number == number.to_integral_value():
        return False
    return Decimal(repr(nearest)) == number
