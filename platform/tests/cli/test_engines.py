from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from isthmus_contracts import Param
from isthmus_contracts.protocol import Capabilities
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.cli.engines import engine_mistakes
from isthmus_platform.deployment import load_deployment

PARCELS = Path(__file__).parents[1] / "parcels.toml"
WORKERS = Param("workers", "integer", 1, "How many functions run at once.", minimum=1, maximum=8)
ENGINES: Mapping[str, tuple[Param, ...]] = {"sequential": (), "threads": (WORKERS,)}
RUNNERS = {"default": Capabilities((1,), "x", {}, {}, ENGINES, {})}
Mistakes = Callable[..., list[str]]


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mistakes:
    """Return a function that checks the engines of parcel_delays in a deployment."""
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "/usr/bin/python3")

    def check(more: str, runners: Mapping[str, Capabilities] = RUNNERS) -> list[str]:
        file = tmp_path / "company.toml"
        file.write_text(PARCELS.read_text() + f'[dataflows."parcel_delays.v1"]\n{more}')
        found = engine_mistakes(load_deployment(file).deploy(PARCEL_DELAYS), runners)
        return [mistake.problem for mistake in found]

    return check


@pytest.mark.parametrize(
    "more", ["", 'engine = "threads"', 'engine = "threads"\nengine_options = { workers = 8 }']
)
def test_what_the_runner_states_is_no_mistake(mistakes: Mistakes, more: str) -> None:
    assert mistakes(more) == []


@pytest.mark.parametrize(
    ("more", "problems"),
    [
        ('engine = "thread"', ["unknown engine 'thread'; did you mean 'threads'?"]),
        ('engine = "dask"', ["unknown engine 'dask'; known: 'sequential', 'threads'"]),
        (
            'engine = "threads"\nengine_options = { worker = 2, workers = 9 }',
            [
                "unknown option 'worker' of engine 'threads'; did you mean 'workers'?",
                "option 'workers' of engine 'threads' is 9; allowed: integer from 1 to 8",
            ],
        ),
        (
            'engine = "threads"\nengine_options = { workers = true }',
            ["option 'workers' of engine 'threads' is True; allowed: integer from 1 to 8"],
        ),
    ],
)
def test_each_mistake_is_one_message(mistakes: Mistakes, more: str, problems: list[str]) -> None:
    assert mistakes(more) == problems


def test_a_runner_that_could_not_be_asked_is_not_checked(mistakes: Mistakes) -> None:
    assert mistakes('engine = "thread"', {}) == []
