import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isthmus_platform.local_airflow import lock
from isthmus_platform.local_airflow.errors import InstallationError
from isthmus_platform.local_airflow.processes import find_running

URL = "http://127.0.0.1:8123"
HOLD = """
import sys, time
from pathlib import Path
from isthmus_platform.local_airflow.lock import locked
with locked(Path(sys.argv[1]), "http://127.0.0.1:1"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_error_of_a_second_installation_on_a_state_names_the_first(tmp_path: Path) -> None:
    with (
        lock.locked(tmp_path, URL),
        pytest.raises(InstallationError, match="already up") as refused,
        lock.locked(tmp_path, "http://127.0.0.1:9"),
    ):
        pass
    assert URL in str(refused.value)
    assert str(os.getpid()) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with lock.locked(tmp_path, URL):
            assert lock.lock_owner(tmp_path) == lock.LockOwner(os.getpid(), URL, healthy=False)
        assert lock.lock_owner(tmp_path) is None


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        found = lock.lock_owner(tmp_path)
        assert found
        assert found.pid == other.pid
        other.send_signal(signal.SIGKILL)
    with lock.locked(tmp_path, URL):
        pass


def test_a_lock_that_a_watchdog_still_has_is_awaited(tmp_path: Path) -> None:
    with lock.locked(tmp_path, URL) as acquired:
        acquired.write_owner(lock.LockOwner(pid=2**22 + 1, url=URL, healthy=True))
        inherited = os.dup(acquired.descriptor)
    begin = time.monotonic()
    watchdog = subprocess.Popen(["sleep", "0.5"], pass_fds=[inherited])
    os.close(inherited)
    with lock.locked(tmp_path, URL):
        assert time.monotonic() - begin > 0.3
    watchdog.wait()


def test_an_installation_is_found_when_it_is_healthy(tmp_path: Path) -> None:
    assert find_running(tmp_path) is None
    with lock.locked(tmp_path / "airflow", URL) as acquired:
        assert find_running(tmp_path) is None
        acquired.write_owner(lock.LockOwner(os.getpid(), URL, healthy=True))
        assert find_running(tmp_path) == URL
    assert find_running(tmp_path) is None
