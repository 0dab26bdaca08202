"""Encoding tables in a process that has no credentials and little memory.

What a runner staged may be made to break its reader. So the process that reads it has an empty
environment, no files but those that it is handed, and a limit of memory; where the platform is
root, it is nobody. The platform hands it open files over a socket, and gets JSON back. It ends when
the platform ends.

The platform starts `python -P -m isthmus_platform.lake.intake.encoder_process`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa

from isthmus_contracts import Table
from isthmus_contracts.codec import deserialize, serialize
from isthmus_contracts.formatting import printable, printable_lines
from isthmus_platform.errors import AcceptanceKilledError
from isthmus_platform.lake.intake.table_encoder import (
    EncodedFile,
    EncoderError,
    LocalEncoder,
    TableReport,
)

_MODULE = "isthmus_platform.lake.intake.encoder_process"
# Arrow's own memory pools reserve far more than they use, which the limit would count.
_ENVIRONMENT = {"LANG": "C.UTF-8", "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}
_MEGABYTE = 1_000_000
_CHUNK_BYTES = 1 << 16
_STACK_BYTES = 1 << 20
_MOST_FILES = 2
_NOBODY = 65_534
_EXIT_SECONDS = 5
_PR_SET_NO_NEW_PRIVS = 38


class EncoderProcess:
    """Have tables encoded by a process of its own; it is started by the first table."""

    def __init__(self, memory: int, directory: Path) -> None:
        """Let it have so many bytes of memory; what waits on a disk waits in the directory."""
        self._memory = memory
        self._directory = directory
        self._table = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def begin(self, table: Table, partitions: Sequence[str]) -> None:
        """Take files of this table; rows of these partitions at least are expected."""
        self._table = table.name
        if self._process is None:
            self._start()
        with tempfile.TemporaryFile(dir=self._directory) as waiting:
            call = {"begin": serialize(table), "partitions": list(partitions)}
            self._call(call, waiting)

    def add(self, staged: BinaryIO, target: BinaryIO, partition: str | None) -> EncodedFile:
        """Write the rows of a staged file as Parquet; after a problem, the target is of no use."""
        return deserialize(EncodedFile, self._call({"add": partition}, staged, target))

    def finish(self) -> TableReport:
        """Return what was found in all files of the table."""
        return deserialize(TableReport, self._call({"finish": None}))

    def _start(self) -> None:
        self._socket, childs = socket.socketpair()
        with childs:
            self._process = subprocess.Popen(  # noqa: S603 - this module, in this interpreter
                [sys.executable, "-P", "-m", _MODULE, str(self._memory)],
                env=_ENVIRONMENT,
                cwd="/",
                stdin=childs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _call(self, call: Mapping[str, object], *files: BinaryIO) -> Mapping[str, Any]:
        if self._process is None or self._socket is None:
            raise RuntimeError("no table was begun")
        with contextlib.suppress(ConnectionError):  # the process has ended; its status says why
            _send(self._socket, call, [file.fileno() for file in files])
        answer, _ = _receive(self._socket)
        if answer is None:
            status = self._process.wait(_EXIT_SECONDS)
            if status == -signal.SIGKILL:  # which no table can do: a person did, or the system
                raise AcceptanceKilledError(
                    f"the process that reads table {self._table!r} was killed by SIGKILL, perhaps "
                    "because the machine was out of memory"
                )
            name = signal.Signals(-status).name if status < 0 else ""
            how = f"was ended by {name}" if name else f"exited with {status}"
            raise EncoderError(
                f"table {self._table!r} cannot be read: the process that reads it {how}"
            )
        if "errno" in answer:
            raise OSError(answer["errno"], printable(answer["strerror"]))
        if "memory" in answer:
            raise EncoderError(
                f"to read table {self._table!r} takes more than {self._memory // _MEGABYTE:,} MB "
                "of memory; `acceptance_memory_megabytes` of the dataflow in the deployment sets "
                "the limit"
            )
        if "traceback" in answer:
            raise RuntimeError(printable_lines(answer["traceback"]))
        return answer


def main(memory: str) -> None:
    """Encode what the platform hands over on standard input, until it hangs up."""
    connection = socket.socket(fileno=os.dup(0))
    threading.Thread(target=_end_with_platform, args=(connection,), daemon=True).start()
    _confine(int(memory))
    waiting: list[BinaryIO] = []
    encoder = LocalEncoder(int(memory), waiting.pop)
    while True:
        call, files = _receive(connection)
        if call is None:
            return
        try:
            answer = _answer(encoder, call, files, waiting)
        except MemoryError:
            answer = {"memory": memory}
        except OSError as error:
            answer = {"errno": error.errno, "strerror": error.strerror}
        except Exception:  # noqa: BLE001 - the platform raises it
            answer = {"traceback": traceback.format_exc()}
        _send(connection, answer, ())


def _answer(
    encoder: LocalEncoder,
    call: Mapping[str, Any],
    files: Sequence[int],
    waiting: list[BinaryIO],
) -> Mapping[str, object]:
    if "begin" in call:
        waiting[:] = [os.fdopen(file, "w+b") for file in files]
        encoder.begin(deserialize(Table, call["begin"]), call["partitions"])
        return {}
    if "add" in call:
        staged, target = files
        with (
            os.fdopen(staged, "rb", buffering=0) as source,
            os.fdopen(target, "wb") as file,
        ):
            return serialize(encoder.add(source, file, call["add"]))
    return serialize(encoder.finish())


def _confine(memory: int) -> None:
    """Give up what no reader of files needs."""
    pa.set_cpu_count(1)  # each thread has a stack, which the limit counts
    pa.set_io_thread_count(1)
    threading.stack_size(_STACK_BYTES)
    # What is imported when it is first needed has to be imported now.
    pa.scalar(0, pa.timestamp("us", "UTC")).as_py()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    if os.geteuid() == 0:
        with contextlib.suppress(PermissionError):  # a container may have taken root's capabilities
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _end_with_platform(connection: socket.socket) -> None:
    hung_up = select.poll()
    hung_up.register(connection, 0)  # that it hangs up is always reported
    hung_up.poll()
    os._exit(0)


def _send(connection: socket.socket, message: Mapping[str, object], files: Sequence[int]) -> None:
    line = json.dumps(message).encode() + b"\n"
    socket.send_fds(connection, [line[:1]], files)
    connection.sendall(line[1:])


def _receive(connection: socket.socket) -> tuple[Mapping[str, Any] | None, list[int]]:
    """Return the next message and the files that came with it; None after the last."""
    line = b""
    files: list[int] = []
    while not line.endswith(b"\n"):
        try:
            data, received, _, _ = socket.recv_fds(connection, _CHUNK_BYTES, _MOST_FILES)
        except ConnectionError:
            return None, []
        if not data:
            return None, []
        line += data
        files += received
    message: Mapping[str, Any] = json.loads(line)
    return message, files


if __name__ == "__main__":
    main(*sys.argv[1:])
