from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from isthmus_contracts import Table
from isthmus_platform.errors import AcceptanceKilledError
from isthmus_platform.lake.intake import encoder_process
from isthmus_platform.lake.intake.encoder_process import EncoderProcess
from isthmus_platform.lake.intake.table_encoder import EncodedFile, EncoderError, LocalEncoder

pytestmark = pytest.mark.slow
Stream = Callable[..., bytes]
Staged = Callable[[bytes], Path]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[EncoderProcess]:
    with EncoderProcess(256_000_000, tmp_path) as process:
        yield process
    assert children() == []


def add(process: EncoderProcess | LocalEncoder, path: Path, name: str = "out") -> EncodedFile:
    with path.open("rb", buffering=0) as staged, path.with_name(name).open("wb") as target:
        return process.add(staged, target, None)


def children() -> list[psutil.Process]:
    found = psutil.Process().children()
    running = [process for process in found if process.status() != psutil.STATUS_ZOMBIE]
    return [process for process in running if encoder_process.__name__ in process.cmdline()]


def child() -> psutil.Process:
    (found,) = children()
    return found


def test_it_finds_and_writes_what_this_process_does(
    process: EncoderProcess, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    bad = good.set_column(0, "n", pa.array([3, 1, 3]))
    for batch in (good, bad, good):
        path = staged(stream(batch))
        with LocalEncoder(256_000_000) as here:
            for encoder in (here, process):
                encoder.begin(rows, ())
            assert add(here, path, "here") == add(process, path, "there")
            assert here.finish() == process.finish()
        assert path.with_name("here").read_bytes() == path.with_name("there").read_bytes()


def test_it_has_no_environment_no_rights_and_only_the_files_that_it_was_handed(
    process: EncoderProcess, rows: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECRET", "the canary sings")
    process.begin(rows, ())
    found = child()
    assert set(found.environ()) <= {"LANG", "ARROW_DEFAULT_MEMORY_POOL", "MALLOC_ARENA_MAX"}
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{found.pid}/status").read_text().splitlines()
    )
    assert status["NoNewPrivs"] == "1"
    limits = Path(f"/proc/{found.pid}/limits").read_text()
    assert re.search(r"Max data size +256000000 +256000000 ", limits)
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Groups"].strip() == ""
    names = [os.readlink(path) for path in Path(f"/proc/{found.pid}/fd").iterdir()]  # noqa: PTH115
    files = [name for name in names if name.startswith("/") and not name.startswith("/dev")]
    assert all(name.endswith(" (deleted)") for name in files), files


def test_a_table_that_needs_more_memory_is_refused(
    process: EncoderProcess, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    bomb = pa.record_batch(
        {"n": pa.repeat(1, 60_000_000), "text": pa.nulls(60_000_000, pa.string())}
    ).append_column("share", pa.nulls(60_000_000, pa.float64()))
    path = staged(stream(bomb, compression="zstd"))
    assert path.stat().st_size < 20_000_000
    process.begin(rows, ())
    with pytest.raises(EncoderError, match=r"table 'rows' takes more than 256 MB of memory; `acc"):
        add(process, path)
    process.begin(rows, ())
    assert add(process, staged(stream(good))).rows == 3
    assert process.finish().problems == ()


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_process_that_ends_is_a_refusal(  # noqa: PLR0913, PLR0917 - fixtures
    process: EncoderProcess,
    rows: Table,
    stream: Stream,
    staged: Staged,
    good: pa.RecordBatch,
    number: signal.Signals,
) -> None:
    process.begin(rows, ())
    child().send_signal(number)
    expected = f"table 'rows' cannot be read: the process that reads it was ended by {number.name}"
    with pytest.raises(EncoderError, match=expected):
        add(process, staged(stream(good)))


def test_a_process_that_was_killed_is_not_the_fault_of_the_table(
    process: EncoderProcess, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    process.begin(rows, ())
    child().kill()
    with pytest.raises(AcceptanceKilledError, match="table 'rows' was killed by SIGKILL"):
        add(process, staged(stream(good)))


def test_a_disk_that_is_full_is_not_the_fault_of_the_table(
    process: EncoderProcess, rows: Table, stream: Stream, staged: Staged, good: pa.RecordBatch
) -> None:
    process.begin(rows, ())
    path = staged(stream(good))
    with (
        path.open("rb", buffering=0) as source,
        Path("/dev/full").open("wb") as full,
        pytest.raises(OSError, match="No space left on device"),
    ):
        process.add(source, full, None)


def test_a_fault_of_its_own_is_raised_with_its_traceback(process: EncoderProcess) -> None:
    with pytest.raises(RuntimeError, match="no table was begun"):
        process.finish()


def test_it_ends_when_the_platform_is_killed(tmp_path: Path) -> None:
    program = """
import sys, time, json
from pathlib import Path
from isthmus_contracts import Column, Table
from isthmus_platform.lake.intake import encoder_process
from isthmus_platform.lake.intake.encoder_process import EncoderProcess
process = EncoderProcess(256_000_000, Path(sys.argv[1]))
process.begin(Table("t", "T.", (Column("n", "int64", "N."),)), ())
print(process._process.pid, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as platform:
        assert platform.stdout is not None
        pid = json.loads(platform.stdout.readline())
        platform.kill()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlives the platform"
        time.sleep(0.02)
