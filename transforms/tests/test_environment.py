"""In this environment there is nothing of the platform's."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

import isthmus_transforms


@pytest.mark.parametrize("name", ["airflow", "isthmus_platform"])
def test_neither_airflow_nor_the_platform_can_be_imported(name: str) -> None:
    assert importlib.util.find_spec(name) is None


def test_hamilton_loads_no_plug_in_by_itself() -> None:
    assert isthmus_transforms.__doc__
    assert os.environ["HAMILTON_AUTOLOAD_EXTENSIONS"] == "0"


def test_the_command_line_starts_without_pandas() -> None:
    code = "import sys; from isthmus_transforms.cli import main; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
