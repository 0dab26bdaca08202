from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.runners import runner_environment

HOME, SCRATCH = Path("/home/runner"), Path("/scratch")


def test_nothing_of_the_platform_reaches_a_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW_CONN_NYC",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASS",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PYTHONPATH", "/platform")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("HOME", "/root")
    environment = runner_environment("parcel_delays.v1", HOME, SCRATCH, {"OMP_NUM_THREADS": "2"})
    assert set(environment) <= {
        *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "OMP_NUM_THREADS", "PATH", "TMPDIR", "TZ"),
        "ISTHMUS_DATAFLOW",
    }
    assert environment["LANG"] == "C.UTF-8"
    assert environment["ISTHMUS_DATAFLOW"] == "parcel_delays.v1"
    assert environment["HOME"] == str(HOME)
    assert environment["TMPDIR"] == str(SCRATCH)
    assert "secret" not in environment.values()
