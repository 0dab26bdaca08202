"""`isthmus-platform check` learns the engines from the real runner, and needs no Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import FLIGHT_DELAYS, LOCAL, TRANSFORMS_PYTHON

from isthmus_platform.cli.main import main


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ('engine = "threads"\nengine_options = { workers = 2 }', 0, None),
        ('engine = "thread"', 2, "unknown engine 'thread'; did you mean 'threads'?"),
        (
            'engine = "processes"\nengine_options = { worker = 2 }',
            2,
            "unknown option 'worker' of engine 'processes'; did you mean 'workers'?",
        ),
        (
            'engine = "processes"\nengine_options = { workers = "two" }',
            2,
            "option 'workers' of engine 'processes' is 'two'; allowed: integer from 1",
        ),
    ],
)
def test_engines_and_options_are_those_of_the_runner(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: str,
    status: int,
    message: str | None,
) -> None:
    file = tmp_path / "company.toml"
    file.write_text(f'{LOCAL.read_text()}\n[dataflows."{FLIGHT_DELAYS}"]\n{settings}\n')
    options = ["--state", str(tmp_path), "--transforms-python", str(TRANSFORMS_PYTHON)]
    assert main([*options, "check", str(file)]) == status
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.startswith("note: ")]
    mistakes = [line for line in lines if line.startswith("mistake: ")]
    assert len(mistakes) == (message is not None)
    assert (message or "") in "".join(mistakes)
