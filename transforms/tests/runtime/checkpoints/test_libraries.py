from __future__ import annotations

import decimal
import functools
import json
import json.encoder
import multiprocessing
import multiprocessing.process
from collections.abc import Callable
from threading import Thread
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.runtime.checkpoints.libraries import options, planted
from isthmus_transforms.runtime.checkpoints.live_code import LiveDigests
from isthmus_transforms.runtime.codecs import values


def _set_precision() -> None:
    decimal.getcontext().prec += 1


def _digest() -> str:
    return LiveDigests().digest(options())


@pytest.mark.parametrize(
    "change",
    [
        lambda: pd.set_option("display.precision", 3),
        lambda: pd.set_option("display.float_format", "{:.1f}".format),
        lambda: np.seterr(divide="raise"),
        lambda: np.set_printoptions(precision=3),
        _set_precision,
    ],
)
def test_options_of_libraries_are_those_of_this_process(change: Callable[[], object]) -> None:
    before = _digest()
    assert _digest() == before
    with (
        decimal.localcontext(),
        np.errstate(),
        np.printoptions(),
        pd.option_context("display.precision", 6, "display.float_format", None),
    ):
        change()
        assert _digest() != before
    assert _digest() == before


def test_the_options_of_pandas_are_values_without_a_warning() -> None:
    with pd.option_context("display.precision", 23):
        assert 23 in options()
    assert len(options()) > 50
    assert "\n" not in str(options()[1])


def test_an_option_of_scikit_learn_counts_and_loading_it_does_not() -> None:
    before = _digest()
    import sklearn  # noqa: PLC0415

    assert _digest() == before
    with sklearn.config_context(sparse_interface="sparray"):
        assert _digest() != before
    assert _digest() == before


def test_flags_that_a_calculation_raises_are_no_options() -> None:
    before = options()
    with decimal.localcontext():
        assert decimal.Decimal(1) / 3
        assert options() == before


OWN = """
    class Plain: pass
    class Inside: pass

    def patch(self): return 1
    def target(found, look): found.append(look())
"""


@pytest.mark.parametrize(
    "place", ["class", "module", "dict", "pairs", "registry", "object in a class", "codec"]
)
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
    elif place == "pairs":
        monkeypatch.setattr(json, "pairs", [("own", module.patch)], raising=False)
    elif place == "registry":
        generic = functools.singledispatch(json.loads)
        generic.register(module.Plain, module.patch)
        monkeypatch.setattr(json, "generic", generic, raising=False)
    elif place == "codec":
        monkeypatch.setitem(values._CODECS, "own", (module.Plain, module.patch))
    else:
        wrapper = pd.core.accessor.Accessor("own", module.Inside)  # type: ignore[attr-defined]
        monkeypatch.setattr(pd.Series, "own", wrapper, raising=False)
    found = planted()
    assert (module.Inside if place.startswith("object") else module.patch) in found
    assert (module.Plain in found) == (place in {"registry", "codec"})


def test_a_thread_that_runs_our_code_has_not_planted_it(
    module_of: Callable[[str], ModuleType],
) -> None:
    module = module_of(OWN)
    found: list[list[object]] = []
    thread = Thread(target=module.target, args=(found, planted))
    thread.start()
    thread.join()
    assert module.target not in found[0]


def test_a_process_that_runs_our_code_has_not_planted_it(
    module_of: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of(OWN)
    process = multiprocessing.Process(target=module.target)
    monkeypatch.setattr(multiprocessing.process, "_current_process", process)
    assert module.target not in planted()
