"""Start a local Airflow, watch its components, and stop everything that they have started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import NoReturn

from isthmus_platform.local_airflow import lock, watchdog
from isthmus_platform.local_airflow.errors import InstallationError
from isthmus_platform.local_airflow.health import wait_until_healthy
from isthmus_platform.local_airflow.settings import HOST, Installation, environment
from isthmus_platform.local_airflow.shutdown import stop

_AIRFLOW = (sys.executable, "-m", "isthmus_platform.local_airflow.entrypoint")
_CREATE = (sys.executable, "-c", "from airflow.utils.db import initdb; initdb()")
_WATCHDOG = (sys.executable, "-m", watchdog.__name__)
_SHOWN_LINES = 15
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Components:
    """Hold the started processes by name, in the order of their start."""

    logs: Path
    processes: Mapping[str, subprocess.Popen[bytes]]

    def check(self) -> None:
        """Raise `InstallationError` with the end of its log if a component has died."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise InstallationError(_died(name, process.returncode, self.logs / f"{name}.log"))


@dataclass(frozen=True, slots=True)
class Running:
    """Stand for an installation that is up and healthy; UI and API are at `url`."""

    url: str
    components: Components

    def check(self) -> None:
        """Raise `InstallationError` with the end of its log if a component has died."""
        self.components.check()

    def wait(self) -> NoReturn:
        """Wait for Ctrl-C or SIGTERM; raise `InstallationError` if a component dies before."""
        while True:
            self.check()
            time.sleep(_POLL_SECONDS)


@contextmanager
def running(
    installation: Installation, report: Callable[[str], None], *, timeout: float = 180
) -> Iterator[Running]:
    """Start an installation for a block, and stop it at the end, also after an error.

    Raise `InstallationError` if it is up already, its port is in use, or it does not get healthy.
    """
    with ExitStack() as stack:
        acquired = stack.enter_context(lock.locked(installation.home, installation.url))
        check_port(installation.port)
        stack.enter_context(_sigterm_raises_system_exit())
        variables = environment(installation)
        installation.logs.mkdir(parents=True, exist_ok=True)
        create_database(installation, variables, report)
        commands = component_commands(installation)
        report(f"starting {', '.join(commands)}")
        begin = time.monotonic()
        components = stack.enter_context(
            started(commands, variables, installation.logs, acquired.descriptor)
        )
        stack.callback(report, "stopping Airflow")
        wait_until_healthy(installation.url, commands, components.check, timeout)
        acquired.write_owner(lock.LockOwner(os.getpid(), installation.url, healthy=True))
        report(f"Airflow is up after {time.monotonic() - begin:.1f} s: {installation.url}")
        yield Running(installation.url, components)


def find_running(state: Path) -> str | None:
    """Return the address of the installation that is up and healthy on this state, or None."""
    owner = lock.lock_owner(state.resolve() / "airflow")
    return owner.url if owner and owner.healthy else None


def component_commands(installation: Installation) -> dict[str, tuple[str, ...]]:
    """Return the command of each component; none serves logs, which are read from disk."""
    commands = {
        "api-server": (*_AIRFLOW, "api-server"),
        "scheduler": (*_AIRFLOW, "scheduler", "--skip-serve-logs"),
        "dag-processor": (*_AIRFLOW, "dag-processor"),
    }
    if installation.triggerer:
        commands["triggerer"] = (*_AIRFLOW, "triggerer", "--skip-serve-logs")
    return commands


def check_port(port: int) -> None:
    """Raise `InstallationError` if another program listens on this port of the machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InstallationError(
                f"port {port} of {HOST} cannot be used ({error.strerror}); "
                "stop the program that uses it, or choose another port"
            ) from None


def create_database(
    installation: Installation, variables: Mapping[str, str], report: Callable[[str], None]
) -> None:
    """Create or upgrade Airflow's database, unless this version of Airflow has done so before."""
    done = installation.home / "database.version"
    airflow = version("apache-airflow-core")
    exists = (installation.home / "airflow.db").exists()
    if exists and done.is_file() and done.read_text(encoding="utf-8") == airflow:
        return
    report("upgrading Airflow's database" if exists else "creating Airflow's database")
    log = installation.logs / "database.log"
    with started({"database": _CREATE}, variables, installation.logs) as components:
        status = components.processes["database"].wait()
    if status != 0:
        raise InstallationError(_died("database", status, log))
    done.write_text(airflow, encoding="utf-8")


@contextmanager
def started(
    commands: Mapping[str, Sequence[str]],
    variables: Mapping[str, str],
    logs: Path,
    lock_descriptor: int | None = None,
) -> Iterator[Components]:
    """Start each command in a session of its own; stop all at the end, and if this process dies.

    Each writes to `<name>.log` under `logs`. `lock_descriptor` is that of the installation's lock,
    which is free again only when everything has been stopped.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    watch = subprocess.Popen(
        _WATCHDOG,
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=() if lock_descriptor is None else (lock_descriptor,),
        text=True,
    )
    assert watch.stdin  # noqa: S101 # for mypy: it is a pipe
    try:
        with watch, watch.stdin as pipe:
            try:
                for name, command in commands.items():
                    processes[name] = _start(command, variables, logs / f"{name}.log")
                    pipe.write(f"{processes[name].pid}\n")
                    pipe.flush()
                yield Components(logs, processes)
            finally:
                stop([process.pid for process in processes.values()])
                for process in processes.values():
                    process.wait()
                pipe.write(f"{watchdog.DONE}\n")
    finally:
        watch.wait()  # after Ctrl-C, leaving the block waits for a quarter of a second only


def _start(
    command: Sequence[str], variables: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            command,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _died(name: str, status: int, log: Path) -> str:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
    end = "\n".join(f"  {line}" for line in lines)
    return f"Airflow's {name} ended {how}; the last lines of {log}:\n{end}"


@contextmanager
def _sigterm_raises_system_exit() -> Iterator[None]:
    """Let SIGTERM raise `SystemExit`, so that the components are stopped first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
