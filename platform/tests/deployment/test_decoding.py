"""A section is decoded with every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.deployment.decoding import decode_section
from isthmus_platform.deployment.sections import Runner, RunsLocation
from isthmus_platform.deployment.settings import Settings, StageSettings
from isthmus_platform.errors import DeploymentError

FILE = Path("company.toml")


def mistakes(cls: type, part: object) -> list[str]:
    """Return the mistakes in a section, without the name of the file."""
    with pytest.raises(DeploymentError) as refused:
        decode_section(cls, part, FILE, "[x]")
    return [mistake.removeprefix("company.toml, ") for mistake in refused.value.mistakes]


def test_a_sound_section_is_returned_with_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/here")
    part = {"command": ["${HERE}/python", "$$5"], "home": "$HERE", "environment": {"A": "${HERE}"}}
    expected = Runner(("/here/python", "$5"), "/here", {"A": "/here"})
    assert decode_section(Runner, part, FILE, "[x]") == expected
    stages = {"stages": ["a"], "stage": {"a": {"retries": 2}}}
    settings = decode_section(Settings, stages, FILE, "[x]")
    assert settings.stage == {"a": StageSettings(retries=2)}


def test_mistakes_of_every_kind_are_reported_together() -> None:
    part = {"command": "python", "users": "x", "environment": {"A": 1, "B": "${GONE}", "C": "$"}}
    assert mistakes(Runner, part) == [
        "[x].command: expected a list, got 'python'",
        "[x]: unknown field 'users'; did you mean 'user'?",
        "[x].environment.A: expected str, got 1",
        "[x].environment.B: environment variable 'GONE' is not set",
        "[x].environment.C: '$' has a $ that no name follows; write $$ for a dollar sign",
        "[x]: field 'home' is missing",
    ]


def test_what_follows_from_another_mistake_is_not_reported() -> None:
    part = {"stages": 5, "stage": {"a": {"retries": 1}}, "retries": -1}
    assert mistakes(Settings, part) == [
        "[x].stages: expected a list, got 5",
        "[x]: retries is -1; allowed: 0 or more",
    ]


def test_a_mistake_of_the_dataflow_is_not_repeated_for_each_stage() -> None:
    part = {"retries": -1, "stages": ["a"], "stage": {"a": {"queue": ""}}}
    assert mistakes(Settings, part) == [
        "[x]: retries is -1; allowed: 0 or more",
        "[x]: stage.a: queue is ''; allowed: the name of a queue",
    ]


@pytest.mark.parametrize("part", [3, "text", [1]])
def test_what_is_no_table_is_refused(part: object) -> None:
    assert mistakes(RunsLocation, part) == [f"[x]: expected a table, got {part!r}"]
