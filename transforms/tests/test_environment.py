"""In this environment there is nothing of the platform's."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["airflow", "isthmus_platform"])
def test_neither_airflow_nor_the_platform_can_be_imported(name: str) -> None:
    assert importlib.util.find_spec(name) is None


def test_the_command_line_starts_without_pandas() -> None:
    code = "import sys; from isthmus_transforms.cli import main; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
