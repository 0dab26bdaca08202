from __future__ import annotations

import math
from decimal import Decimal

import pytest

from isthmus_contracts.exact_floats import exact_float

INEXACT = "float64 cannot hold it exactly; round it, or declare the column with inexact=True"
TOO_LARGE = "it is beyond the range of float64; make it null"


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (0, 0.0),
        (-(2**53), -9007199254740992.0),
        (2**53 + 2, 9007199254740994.0),
        (2**1023, 2.0**1023),
        (Decimal(2**60), 2.0**60),
        (Decimal("0.1"), 0.1),
        (Decimal("19.90"), 19.9),
        (Decimal("-123456789012345.67"), -123456789012345.67),
        (Decimal("0.30000000000000004"), 0.30000000000000004),
        (Decimal("1e-320"), 1e-320),
        (Decimal("Infinity"), math.inf),
    ],
)
def test_a_number_that_a_float_stands_for_becomes_it(number: int | Decimal, found: float) -> None:
    assert exact_float(number) == found
    assert exact_float(number, inexact=True) == found


def test_not_a_number_stays_one() -> None:
    assert math.isnan(exact_float(Decimal("NaN")))


@pytest.mark.parametrize(
    ("number", "nearest"),
    [
        (2**53 + 1, 9007199254740992.0),
        (-(2**63) + 1, -(2.0**63)),
        (Decimal(2**53 + 1), 9007199254740992.0),
        (Decimal("12345678901234567.89"), 12345678901234568.0),
        (Decimal("0.10000000000000000001"), 0.1),
        # The shortest digits of 2**60, which is another whole number.
        (Decimal(1152921504606847000), 2.0**60),
        (Decimal("1e-400"), 0.0),
    ],
)
def test_a_number_with_too_many_digits_is_refused_or_rounded(
    number: int | Decimal, nearest: float
) -> None:
    with pytest.raises(ValueError, match=f"^{INEXACT}$"):
        exact_float(number)
    assert exact_float(number, inexact=True) == nearest


@pytest.mark.parametrize("number", [Decimal("1e400"), Decimal("-1e400"), 10**400])
@pytest.mark.parametrize("inexact", [True, False])
def test_a_number_beyond_every_float_is_not_infinite(number: int | Decimal, inexact: bool) -> None:
    with pytest.raises(ValueError, match=f"^{TOO_LARGE}$"):
        exact_float(number, inexact=inexact)


def test_a_signaling_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot convert signaling NaN"):
        exact_float(Decimal("sNaN"))
