from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

COLLECTOR = """
import gc, sys, types
stub = types.ModuleType("airflow.__main__")
stub.main = lambda: print(sys.argv, gc.get_threshold()[0])
sys.modules["airflow.__main__"] = stub
from isthmus_platform.local_airflow.entrypoint import main
main()
"""


def output(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_it_runs_airflows_command_line() -> None:
    lines = output("-m", "isthmus_platform.local_airflow.entrypoint", "version").splitlines()
    assert lines[-1] == version("apache-airflow-core")


def test_airflow_starts_with_a_rare_garbage_collection() -> None:
    assert output("-c", COLLECTOR, "scheduler") == "['airflow', 'scheduler'] 100000\n"
