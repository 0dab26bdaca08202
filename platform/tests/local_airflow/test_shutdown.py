from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil

from isthmus_platform.local_airflow.shutdown import is_running, members, stop

STUBBORN = ("sh", "-c", "trap '' TERM; while true; do sleep 0.1; done")


def test_a_leader_that_ignores_sigterm_is_killed() -> None:
    with subprocess.Popen(STUBBORN, start_new_session=True) as stubborn:
        time.sleep(0.3)
        stop([stubborn.pid], patience=0.3)
        assert stubborn.wait() == -signal.SIGKILL


def test_what_a_leader_that_ended_left_behind_is_stopped() -> None:
    command = ("sh", "-c", "sleep 60 & exit 0")
    with subprocess.Popen(command, start_new_session=True) as leader:
        leader.wait()
        assert members(leader.pid)
        stop([leader.pid])
        assert not members(leader.pid)


def test_members_are_a_session_and_its_descendants_in_other_sessions() -> None:
    command = ("sh", "-c", "sleep 60 & setsid sleep 60 & wait")
    with subprocess.Popen(command, start_new_session=True) as leader:
        deadline = time.monotonic() + 10
        found, sessions = members(leader.pid), set[int]()
        while len(found) < 3 or len(sessions) < 2:  # `setsid` is a process before it leaves
            assert time.monotonic() < deadline
            time.sleep(0.02)
            found = members(leader.pid)
            sessions = {os.getsid(process.pid) for process in found}
        assert (len(found), len(sessions)) == (3, 2)
        assert leader.pid in sessions
        stop([leader.pid])
        assert not any(is_running(process) for process in found)
    assert psutil.Process().is_running()


def test_a_process_that_was_not_reaped_is_not_running() -> None:
    with subprocess.Popen(["true"]) as ended:
        process = psutil.Process(ended.pid)
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(process)
