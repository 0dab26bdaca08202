"""Sessions that run beside each other fail as they would alone, and their output is not mixed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from parallel import main

# Stands for `nox -s NAME`, and does as the name says: one that meets waits for a second one.
NOX = """
import pathlib, sys, time
name, *passed = sys.argv[sys.argv.index("-s") + 1 :]
order = pathlib.Path(__file__).with_name("order")

def say(word, stream):
    print(name, word, file=stream, flush=True)
    with order.open("a") as file:
        file.write(f"{name} {word}\\n")

say("first", sys.stdout)
print("passed on:", *passed)
end = time.monotonic() + 30
while "meets" in name and order.read_text().count("first") < 2:
    assert time.monotonic() < end, "nobody came"
    time.sleep(0.01)
time.sleep(0.2 if "slow" in name else 0)
say("last", sys.stderr)
sys.exit(3 if "bad" in name else 0)
"""


@pytest.fixture
def nox(tmp_path: Path) -> tuple[str, ...]:
    program = tmp_path / "nox.py"
    program.write_text(NOX)
    return (sys.executable, str(program))


def _run(nox: tuple[str, ...], logs: Path, *names: str, jobs: int = 2) -> int:
    return main([*names, "--logs", str(logs), "--jobs", str(jobs)], nox)


def test_what_a_session_prints_is_shown_in_one_piece(
    nox: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(nox, tmp_path, "slow-a", "slow-b", "c") == 0
    shown = capsys.readouterr().out
    for name in ("slow-a", "slow-b", "c"):
        assert f"\n{name} first\npassed on:\n{name} last\n" in shown
        assert re.search(rf"^{name} +passed in \d+ s$", shown, re.MULTILINE)


def test_a_session_that_fails_fails_the_whole_and_hinders_no_other(
    nox: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(nox, tmp_path, "bad", "slow", "other", jobs=1) == 1
    shown = capsys.readouterr().out
    assert "\nbad first\npassed on:\nbad last\n" in shown
    assert "other last" in shown
    summary = shown[shown.rindex("\n\n") :]
    assert re.search(r"^bad +FAILED with status 3 in \d+ s$", summary, re.MULTILINE)
    assert f"output of bad: {tmp_path / 'bad.log'}" in summary
    assert "output of other" not in summary


def test_one_job_runs_one_session_after_the_other(
    nox: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(nox, tmp_path, "slow-a", "slow-b", jobs=1) == 0
    capsys.readouterr()
    lines = (tmp_path / "order").read_text().splitlines()
    assert lines == ["slow-a first", "slow-a last", "slow-b first", "slow-b last"]


def test_two_jobs_run_two_sessions_at_a_time(
    nox: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(nox, tmp_path, "meets-a", "meets-b", jobs=2) == 0
    assert "meets-a last" in capsys.readouterr().out


def test_brief_shows_what_failed_and_what_follows_two_dashes_is_passed_on(
    nox: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    assert main(["--brief", "--logs", str(logs), "bad", "good", "--", "-m", "not slow"], nox) == 1
    shown = capsys.readouterr().out
    assert "passed on: -- -m not slow\n" in shown
    assert "bad last" in shown
    assert "good last" not in shown
    assert "passed on: -- -m not slow\n" in (logs / "good.log").read_text()
    assert re.search(r"^good +passed in \d+ s$", shown, re.MULTILINE)


def test_a_mistake_in_the_command_is_refused() -> None:
    program = Path(__file__).with_name("parallel.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "SESSION" in done.stderr
