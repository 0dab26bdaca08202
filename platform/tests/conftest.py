from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import isthmus_platform

# Airflow reads its settings when it is imported, which happens when tests are collected.
_HOME = tempfile.TemporaryDirectory(prefix="airflow-")
_DAGS = Path(isthmus_platform.__file__).parent / "dags"
os.environ |= {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """Return Airflow's home, which is gone afterwards."""
    yield Path(_HOME.name)
    _HOME.cleanup()
