from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts.protocol import Capabilities, encode
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import DeploymentError, RunnerError
from isthmus_platform.runners import runner_capabilities


class Bench(Protocol):
    """A directory to start runners in, as the fixture gives it."""

    folder: Path

    def command(self, *options: str) -> list[str]: ...


def script(text: str, **settings: str) -> Runner:
    """Return a runner that is a few lines of Python."""
    return Runner((sys.executable, "-c", text), "/nowhere/home", **settings)  # type: ignore[arg-type]


def test_a_runner_states_its_engines_and_no_home_is_made(bench: Bench) -> None:
    home = bench.folder / "home"
    found = runner_capabilities(Runner(tuple(bench.command()), str(home)))
    assert [param.name for param in found.engines["local"]] == ["workers"]
    assert found.dataflows["station_days.v1"] == "1.0.0"
    assert not home.exists()


def test_a_runner_that_does_not_answer_is_stopped() -> None:
    with pytest.raises(RunnerError, match=r"^the runner did not answer within 0\.5 s"):
        runner_capabilities(script("import time; time.sleep(600)"), timeout=0.5)


def test_the_last_line_of_its_log_says_why() -> None:
    text = "raise SystemExit('No module named x')"
    with pytest.raises(RunnerError, match=r"exited with 1 and sent no result: No module named x$"):
        runner_capabilities(script(text))


def test_a_runner_without_capabilities_is_refused_in_its_words() -> None:
    failure = '{"protocol": 1, "type": "failure", "kind": "request", "message": "unexpected type"}'
    text = f"print({failure!r}); raise SystemExit(2)"
    with pytest.raises(RunnerError, match="does not state its capabilities: unexpected type"):
        runner_capabilities(script(text))


def test_control_characters_in_capabilities_are_escaped() -> None:
    line = encode(Capabilities((1,), "\x1b[2J", {}, {}, {}, {"python": "3\x07"}))
    found = runner_capabilities(script(f"print({line!r})"))
    assert (found.code_version, found.libraries) == (r"\x1b[2J", {"python": r"3\x07"})


def test_a_user_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeploymentError, match="there is no such user"):
        runner_capabilities(script("", user="no-such-user"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a runner as another Unix user")
def test_a_runner_of_another_user_has_directories_of_its_own() -> None:
    line = encode(Capabilities((1,), "x", {}, {}, {}, {}))
    program = 'touch "$HOME/a" "$TMPDIR/b" && echo "$0"'
    runner = Runner(("/bin/sh", "-c", program, line), "/nowhere/home", user="nobody")
    assert runner_capabilities(runner).code_version == "x"
