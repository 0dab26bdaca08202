"""What a hostile runner tries to reach, and the kernel refuses: ports, files, processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_platform.runners.confinement import landlock, socket_filter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock, or an old one"),
    pytest.mark.skipif(not socket_filter.is_supported(), reason="this kernel has no seccomp"),
]


class Outcome(Protocol):
    """The outcome of an attack, as the fixture gives it."""

    end: object
    error: str
    log: list[str]
    report: Mapping[str, list[str]]


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path

    def attack(self, text: str, *, network: tuple[int, ...] = ()) -> Outcome: ...


@dataclass
class Api:
    """Give a token to whoever sends airflow / airflow, as Airflow's API does."""

    port: int
    received: list[str] = field(default_factory=list)


@pytest.fixture
def api() -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b'{"access_token": "a token"}')

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    received: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Api(server.server_port, received)
        server.shutdown()
        thread.join()


@pytest.fixture(params=["confined", "confined_other_side"])
def side(request: pytest.FixtureRequest) -> Battlefield:
    """Attack as Airflow's own user, and as another."""
    found: Battlefield = request.getfixturevalue(request.param)
    return found


# Each attempt adds what it reached; what it could not reach raises `OSError`.
TRY = """
import socket
got = []
def attempt(name, function):
    try:
        got.append(f"{name}: {function()}")
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr)
"""
TELL = "\nprint(json.dumps({'got': got}), file=sys.stderr)"
ASK = """
import http.client
BODY = json.dumps({"username": "airflow", "password": "airflow"})
def ask(port, connected=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.sock = connected
    connection.request("POST", "/auth/token", BODY)
    return json.load(connection.getresponse())["access_token"]
"""
MPTCP = """
def by_mptcp(port):
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    found.connect(("127.0.0.1", port))
    return ask(port, found)
"""
FAST_OPEN = """
def by_fast_open(port, send):
    found = socket.socket()
    found.settimeout(5)
    head = f"POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(BODY)}\\r\\n\\r\\n{BODY}"
    send(found, head.encode(), 0x20000000, ("127.0.0.1", port))
    return found.recv(1000)
sending = {
    "sendto": lambda found, data, flags, to: found.sendto(data, flags, to),
    "sendmsg": lambda found, data, flags, to: found.sendmsg([data], [], flags, to),
}
"""


def test_a_runner_without_landlock_gets_a_token_of_airflows_api(
    field: Battlefield, api: Api
) -> None:
    # So that the attacks below are known to work where nothing contains them.
    text = f"{TRY}{ASK}{MPTCP}{FAST_OPEN}\nattempt('token', lambda: ask({api.port}))\n"
    text += f"attempt('mptcp', lambda: by_mptcp({api.port}))\n"
    text += f"for name in sending: attempt(name, lambda: by_fast_open({api.port}, sending[name]))"
    got = field.attack(text + TELL).report["got"]
    assert got[0] == "token: a token"
    assert len(api.received) == len(got)


def test_a_token_of_airflows_api_is_refused(side: Battlefield, api: Api) -> None:
    outcome = side.attack(f"{TRY}{ASK}\nattempt('token', lambda: ask({api.port})){TELL}")
    assert outcome.log[0] == "token: [Errno 13] Permission denied"
    assert outcome.report["got"] == api.received == []


@pytest.mark.parametrize("allowed", [False, True])
def test_only_the_allowed_ports_can_be_reached(
    side: Battlefield, api: Api, *, allowed: bool
) -> None:
    # Nobody listens on the other port, so a connection that is let through is refused by nobody.
    network = (api.port,) if allowed else (api.port - 1,)
    outcome = side.attack(
        f"{TRY}{ASK}\nattempt('token', lambda: ask({api.port})){TELL}", network=network
    )
    assert outcome.report["got"] == (["token: a token"] if allowed else [])
    assert len(api.received) == allowed
    assert allowed or "Permission denied" in outcome.log[0]


@pytest.mark.parametrize("network", [(), (1,)])
def test_multipath_tcp_is_no_way_around(
    side: Battlefield, api: Api, network: tuple[int, ...]
) -> None:
    text = f"{TRY}{ASK}{MPTCP}\nattempt('mptcp', lambda: by_mptcp({api.port})){TELL}"
    outcome = side.attack(text, network=network)
    assert outcome.log[0] == "mptcp: [Errno 13] Permission denied"
    assert outcome.report["got"] == api.received == []


@pytest.mark.parametrize("name", ["sendto", "sendmsg"])
def test_tcp_fast_open_is_no_way_around(side: Battlefield, api: Api, name: str) -> None:
    text = f"{TRY}{ASK}{FAST_OPEN}\nattempt({name!r}, lambda: "
    outcome = side.attack(
        text + f"by_fast_open({api.port}, sending[{name!r}])){TELL}", network=(1,)
    )
    assert outcome.log[0] == f"{name}: [Errno 13] Permission denied"
    assert outcome.report["got"] == api.received == []


SOCKETS = """
for family, kind, protocol in (
    (2, 1, 0), (2, 2, 0), (10, 1, 0), (10, 2, 17), (2, 5, 132), (16, 3, 0),
    (2, 3, 6), (17, 3, 0), (38, 5, 0), (40, 1, 0), (43, 1, 0),
):
    attempt(f"{family}/{kind}/{protocol}", lambda: socket.socket(family, kind, protocol))
"""
URING = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def ring():
    if libc.syscall(425, 8, ctypes.create_string_buffer(120)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
attempt("io_uring", ring)
"""


def test_no_other_kind_of_socket_can_be_opened(side: Battlefield) -> None:
    outcome = side.attack(f"{TRY}{SOCKETS}{URING}{TELL}")
    assert outcome.report["got"] == []
    assert len(outcome.log) == 13
    assert all(line.endswith("[Errno 13] Permission denied") for line in outcome.log[:-1])


def test_no_port_can_be_listened_on(side: Battlefield, api: Api) -> None:
    text = f"{TRY}\nattempt('listening', lambda: socket.create_server(('127.0.0.1', 0))){TELL}"
    assert side.attack(text, network=(api.port,)).report["got"] == []


def test_an_abstract_socket_of_another_process_is_refused(side: Battlefield) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0isthmus-{os.getpid()}")
        server.listen()
        text = f"attempt('abstract', lambda: socket.socket(1).connect('\\0isthmus-{os.getpid()}'))"
        assert side.attack(f"{TRY}\n{text}{TELL}").report["got"] == []


def test_what_a_runner_starts_is_confined_too(side: Battlefield, api: Api) -> None:
    child = f"import os; os.setsid(); {ASK}\nprint(ask({api.port}))"
    text = (
        f"done = subprocess.run([sys.executable, '-I', '-c', {'import json' + chr(10) + child!r}],"
    )
    text += (
        " stderr=subprocess.PIPE, text=True)\nprint(done.stderr.splitlines()[-1], file=sys.stderr)"
    )
    outcome = side.attack(text)
    assert outcome.log[-1].startswith("PermissionError: [Errno 13]")
    assert api.received == []


READ = """
def read(path):
    if os.path.isdir(path):
        return os.listdir(path)
    with open(path, "rb") as file:
        return file.read(10)
"""


def test_files_of_airflow_and_of_others_cannot_be_read(side: Battlefield) -> None:
    home, elsewhere = Path.home(), side.folder / "elsewhere"
    elsewhere.write_text("the canary sings")
    text = f"""
paths = [
    STATE, STATE + "/airflow.cfg", STATE + "/passwords.json", FOLDER, FOLDER + "/company.toml",
    LAKE, LAKE + "/input.parquet", {str(elsewhere)!r}, {str(home)!r}, "/", "/etc", "/etc/shadow",
    "/root", "/tmp", "/dev/shm", "/dev/mem", "/run", "/var",
]
for path in paths: attempt(path, lambda: read(path))
attempt("input", lambda: read(LAKE + "/inputs/input.parquet"))
"""
    assert side.attack(TRY + READ + text + TELL).report["got"] == ["input: b'input'"]


def test_processes_above_cannot_be_read(side: Battlefield) -> None:
    text = """
pid, ancestors = os.getppid(), []
while pid > 1:
    ancestors.append(pid)
    with open(f"/proc/{pid}/stat") as file:
        pid = int(file.read().rpartition(")")[2].split()[1])
for pid in ancestors:
    for name in ("environ", "mem", "maps", "cwd", "root", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4"):
        attempt(f"{pid} {name}", lambda: read(f"/proc/{pid}/{name}"))
        if name[:2] == "fd":
            attempt(f"{pid} {name} leads to", lambda: os.readlink(f"/proc/{pid}/{name}"))
assert ancestors
"""
    assert side.attack(TRY + READ + text + TELL).report["got"] == []


def test_nothing_but_its_own_directories_can_be_written(side: Battlefield) -> None:
    names = ("/tmp", "/dev/shm", "/var/tmp", "/run")  # noqa: S108 - nothing is written there
    text = f"""
def write(path):
    with open(path, "w") as file:
        file.write("x")
for folder in [FOLDER, STATE, LAKE, LAKE + "/inputs", {str(Path.home())!r}, *{names!r}]:
    attempt(folder, lambda: write(f"{{folder}}/isthmus-{{os.getpid()}}"))
for path in (STATE + "/passwords.json", FOLDER + "/company.toml", LAKE + "/inputs/input.parquet"):
    attempt(path, lambda: write(path))
    attempt(path, lambda: os.truncate(path, 0))
    attempt(path, lambda: os.unlink(path))
attempt("link", lambda: os.link(LAKE + "/inputs/input.parquet", STAGING + "/input"))
attempt("move", lambda: os.rename(LAKE + "/inputs", STAGING + "/inputs"))
for folder in (STAGING, os.environ["HOME"], os.environ["TMPDIR"], "."):
    attempt("own", lambda: write(folder + "/file"))
attempt("own", lambda: os.rename(os.environ["TMPDIR"] + "/file", STAGING + "/moved"))
"""
    outcome = side.attack(TRY + text + TELL)
    assert outcome.report["got"] == ["own: None"] * 5
    assert sorted(path.name for path in (side.folder / "runs" / "staging").iterdir()) == [
        "file",
        "moved",
    ]


def test_no_process_outside_can_be_signalled(side: Battlefield) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as victim:
        text = f"for pid in ({victim.pid}, os.getppid()): attempt(pid, lambda: os.kill(pid, 9))"
        outcome = side.attack(f"{TRY}\n{text}\nos.kill(os.getpid(), 0)\nprint(RESULT){TELL}")
        time.sleep(0.1)
        assert victim.poll() is None
        victim.send_signal(signal.SIGKILL)
    assert outcome.report["got"] == []
    assert outcome.end is not None


def test_a_runner_cannot_set_itself_free(side: Battlefield) -> None:
    text = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
rules = ctypes.create_string_buffer((1 << 13).to_bytes(8, "little"), 8)
ruleset = libc.syscall(444, rules, 8, 0)
libc.syscall(446, ruleset, 0)
attempt("read", lambda: read(STATE + "/airflow.cfg"))
attempt("socket", lambda: socket.socket())
libc.prctl(22, 0, 0)
attempt("socket", lambda: socket.socket())
"""
    assert side.attack(TRY + READ + text + TELL).report["got"] == []
