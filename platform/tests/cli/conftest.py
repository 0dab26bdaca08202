from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_platform.cli import main
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.storage import DiskStore


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory, without variables of an installation; return its state."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("ISTHMUS_STATE", "ISTHMUS_DEPLOYMENT", "ISTHMUS_TRANSFORMS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "var"


@pytest.fixture
def lake(state: Path) -> Lake:
    """Return the lake of that state, which has been made."""
    made = Lake(DiskStore(state / "lake"))
    make_lake(made)
    return made


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs the command line: its status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main.main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
