from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import pytest

from isthmus_contracts import UnknownNameError
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.errors import EngineError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.engines import ENGINES, available_engines, registry

Flows = Callable[..., Dataflow]
TWO = {"workers": 2}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dask", {}, "unknown engine 'dask'; known: 'sequential', 'threads', "),
        ("sequential", TWO, "unknown option 'workers' of engine 'sequential'; known: none"),
        ("threads", {"threads": 2}, "unknown option 'threads' of engine 'threads'; known: 'work"),
        ("threads", {"workers": 0}, "option 'workers' is 0; allowed: integer from 1 to 256"),
        ("processes", {"workers": True}, "option 'workers' is True; allowed: integer from 1"),
        ("threads", {"workers": "two"}, "option 'workers' is 'two'; allowed: integer from 1"),
    ],
)
def test_a_wrong_engine_is_refused(
    flow_of: Flows, name: str, options: Mapping[str, object], message: str
) -> None:
    flow = flow_of("calls = []\ndef a() -> int: return calls.append(1)", "a")
    with pytest.raises((EngineError, UnknownNameError)) as caught:
        flow.compute(["a"], {}, engine=EngineProfile(name, options))  # type: ignore[arg-type] # on purpose
    assert message in str(caught.value)
    assert flow.modules[0].calls == []


def test_an_engine_that_is_not_installed_says_what_to_do(
    flow_of: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "isthmus_transforms.runtime.engines.processes", raising=False)
    monkeypatch.setitem(sys.modules, "loky.process_executor", None)
    with pytest.raises(EngineError) as caught:
        flow_of("def a() -> int: return 1", "a").compute(["a"], {}, engine="processes")
    assert str(caught.value) == (
        "engine 'processes': it needs loky, which cannot be imported "
        "(import of loky.process_executor halted; None in sys.modules); add it to the "
        "dependencies of transforms, or choose another engine in the deployment"
    )


def test_engines_that_can_be_opened_have_options(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = available_engines()
    assert list(engines) == ["sequential", "threads", "processes"]
    assert engines["sequential"] == ()
    (workers,) = engines["processes"]
    assert (workers.name, workers.type, workers.minimum) == ("workers", "integer", 1)
    monkeypatch.setattr(registry, "find_spec", lambda _name: None)
    assert list(available_engines()) == ["sequential", "threads"]


def test_the_engines_are_known_by_name() -> None:
    assert ENGINES == ("sequential", "threads", "processes")
