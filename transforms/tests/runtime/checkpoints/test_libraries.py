from __future__ import annotations

import decimal
import json
import json.encoder
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.runtime.checkpoints.libraries import options, planted


def _set_precision() -> None:
    decimal.getcontext().prec += 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: pd.set_option("display.precision", 3),
        lambda: np.seterr(divide="raise"),
        lambda: np.set_printoptions(precision=3),
        _set_precision,
    ],
)
def test_options_of_libraries_are_those_of_this_process(change: Callable[[], object]) -> None:
    before = options()
    assert options() == before
    with (
        decimal.localcontext(),
        np.errstate(),
        np.printoptions(),
        pd.option_context("display.precision", 6),
    ):
        change()
        assert options() != before
    assert options() == before


def test_flags_that_a_calculation_raises_are_no_options() -> None:
    before = options()
    with decimal.localcontext():
        assert decimal.Decimal(1) / 3
        assert options() == before


OWN = """
    class Plain: pass
    class Inside: pass

    def patch(self): return 1
"""


@pytest.mark.parametrize("place", ["class", "module", "dict", "object in a class"])
def test_our_own_code_is_found_where_libraries_have_it(
    module_of: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    module = module_of(OWN)
    assert module.patch not in planted()
    if place == "class":
        monkeypatch.setattr(pd.DataFrame, "patched", module.patch, raising=False)
    elif place == "module":
        monkeypatch.setattr(json, "patched", module.patch, raising=False)
    elif place == "dict":
        module.json = json  # a module that our code names, whose parts are searched too
        monkeypatch.setitem(json.encoder.ESCAPE_DCT, "own", module.patch)
    else:
        wrapper = pd.core.accessor.Accessor("own", module.Inside)  # type: ignore[attr-defined]
        monkeypatch.setattr(pd.Series, "own", wrapper, raising=False)
    found = planted()
    assert (module.Inside if place.startswith("object") else module.patch) in found
    assert module.Plain not in found
