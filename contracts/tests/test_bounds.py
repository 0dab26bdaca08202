from __future__ import annotations

import math
import re

import pytest

from isthmus_contracts import DeclarationError
from isthmus_contracts._bounds import check_bounds


@pytest.mark.parametrize("bounds", [(None, None), (1, None), (None, 1), (1, 1), (-0.5, 2)])
def test_bounds_that_leave_a_value_are_accepted(bounds: tuple[float | None, float | None]) -> None:
    check_bounds("column 'x'", *bounds)


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_bound_that_is_no_finite_number_is_refused(bound: float) -> None:
    message = f"column 'x' has bound {bound}, which is not a finite number"
    for bounds in ((bound, None), (None, bound)):
        with pytest.raises(DeclarationError, match=re.escape(message)):
            check_bounds("column 'x'", *bounds)


def test_crossed_bounds_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"^column 'x' has minimum 2 above maximum 1$"):
        check_bounds("column 'x'", 2, 1)
