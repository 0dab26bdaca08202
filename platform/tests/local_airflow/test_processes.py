import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isthmus_platform.local_airflow import processes
from isthmus_platform.local_airflow.errors import InstallationError
from isthmus_platform.local_airflow.settings import Installation, environment
from isthmus_platform.local_airflow.shutdown import is_running, members

pytestmark = pytest.mark.slow

VARIABLES = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
SLEEP = ("sleep", "60")
STARTER = """
import os, sys, time
from pathlib import Path
from isthmus_platform.local_airflow.processes import started
sleep = ("sh", "-c", "sleep 60 & sleep 60")
with started({"one": sleep, "two": sleep}, dict(os.environ), Path(sys.argv[1])) as components:
    print(*(process.pid for process in components.processes.values()), flush=True)
    time.sleep(60)
"""


def _installation(state: Path, port: int = 8080) -> Installation:
    return Installation(state, state / "local.toml", state / "dags", port)


def _wait_until_gone(leaders: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(members(leader) for leader in leaders):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_secret_is_in_an_argument_list(tmp_path: Path) -> None:
    installation = _installation(tmp_path)
    variables = environment(installation)
    hidden = [variables[name] for name in variables if "SECRET" in name or "FERNET" in name]
    commands = processes.component_commands(installation)
    assert len(hidden) == 3
    assert not [word for words in commands.values() for word in words if word in hidden]


def test_no_component_serves_logs_to_the_network(tmp_path: Path) -> None:
    installation = Installation(tmp_path, tmp_path, tmp_path, triggerer=True)
    commands = processes.component_commands(installation)
    assert list(commands) == ["api-server", "scheduler", "dag-processor", "triggerer"]
    assert "--skip-serve-logs" in commands["scheduler"]
    assert "--skip-serve-logs" in commands["triggerer"]


def test_a_port_in_use_is_reported_before_anything_starts(tmp_path: Path) -> None:
    reports: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(
                InstallationError, match=f"port {port} .* choose another port"
            ) as refused,
            processes.running(_installation(tmp_path, port), reports.append),
        ):
            pass
    assert "\n" not in str(refused.value)
    assert reports == []
    processes.check_port(port)


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    tree = ("sh", "-c", "sleep 60 & sleep 60")
    with processes.started({"one": SLEEP, "two": tree}, VARIABLES, tmp_path) as components:
        leaders = [process.pid for process in components.processes.values()]
        components.check()
        while len(everyone := [member for leader in leaders for member in members(leader)]) < 4:
            time.sleep(0.05)
    assert not any(is_running(process) for process in everyone)


def test_a_component_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    dies = ("sh", "-c", "seq 1 50; echo 'the reason' >&2; exit 3")
    with processes.started({"one": SLEEP, "scheduler": dies}, VARIABLES, tmp_path) as components:
        components.processes["scheduler"].wait()
        with pytest.raises(InstallationError, match="scheduler ended with status 3") as died:
            components.check()
    lines = str(died.value).splitlines()
    assert str(tmp_path / "scheduler.log") in lines[0]
    assert lines[1] == "  37"
    assert lines[-1] == "  the reason"


def test_a_component_that_is_killed_is_reported(tmp_path: Path) -> None:
    with processes.started({"one": SLEEP}, VARIABLES, tmp_path) as components:
        components.processes["one"].kill()
        components.processes["one"].wait()
        with pytest.raises(InstallationError, match="ended by signal 9"):
            processes.Running("", components).wait()


def test_components_are_stopped_when_the_block_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        processes.started({"one": SLEEP}, VARIABLES, tmp_path) as components,
    ):
        raise KeyboardInterrupt
    assert components.processes["one"].poll() is not None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_components_are_stopped_when_their_starter_dies(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        leaders = [int(word) for word in starter.stdout.readline().split()]
        assert len(leaders) == 2
        assert all(members(leader) for leader in leaders)
        starter.send_signal(number)
    _wait_until_gone(leaders)


def test_the_database_is_created_once_for_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = _installation(tmp_path)
    installation.logs.mkdir(parents=True)
    database = installation.home / "airflow.db"
    monkeypatch.setattr(processes, "_CREATE", ("touch", str(database)))
    reports: list[str] = []
    for _ in range(2):
        processes.create_database(installation, VARIABLES, reports.append)
    assert reports == ["creating Airflow's database"]
    (installation.home / "database.version").write_text("3.0.0")
    processes.create_database(installation, VARIABLES, reports.append)
    assert reports[1:] == ["upgrading Airflow's database"]
    database.unlink()
    processes.create_database(installation, VARIABLES, reports.append)
    assert len(reports) == 3


def test_a_database_that_cannot_be_created_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = _installation(tmp_path)
    installation.logs.mkdir(parents=True)
    monkeypatch.setattr(processes, "_CREATE", ("sh", "-c", "echo no space left; exit 1"))
    with pytest.raises(InstallationError, match="no space left"):
        processes.create_database(installation, VARIABLES, print)
    assert not (installation.home / "database.version").exists()
