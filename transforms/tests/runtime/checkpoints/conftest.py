"""Runs of small dataflows in fresh processes, before and after a change."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus_transforms.runtime.codecs import values

_PROGRAM = Path(__file__).parents[2] / "programs" / "staleness.py"
_CHOICE = re.compile(r"<<(.*?)\|(.*?)>>", re.DOTALL)
_HEAD = "import typing\nimport numpy as np\nimport pandas as pd\n"
Answer = Callable[[dict[str, str]], dict[str, object]]


@dataclass
class Cases:
    """Runs a source text in fresh processes, by turns with other orders of sets.

    The text is a module or a notebook, with other modules after lines `# NAME.py`, and
    `<<before|after>>` where a change is. `# cell` starts a cell: of a notebook, if the text starts
    with `# notebook`, or one that runs after the import of a module. All runs of a case have one
    directory of checkpoints.
    """

    folder: Path
    answer: Answer
    ran: list[str] = field(default_factory=list)
    log: str = ""

    def change(self, before: object, after: object, source: str) -> None:
        """Assert that a change is computed anew, and that no change is not."""
        assert (self.run(source, 1), "made" in self.ran) == (before, True), self.log
        assert (self.run(source, 1), self.ran) == (before, []), self.log
        found = self.run(source, 2)
        assert (found, "made" in self.ran) == (after, True)
        assert type(found) is type(after)

    def same(self, source: str) -> None:
        """Assert that the result is kept."""
        self.run(source, 1)
        assert "made" in self.ran
        for choice in (1, 2):
            self.run(source, choice)
            assert self.ran == [], self.log

    def doubt(self, source: str) -> None:
        """Assert that the result, which is 1, is computed each time, and that the log says so."""
        for _ in range(3):
            assert (self.run(source, 1), "made" in self.ran) == (1, True)
            said = "node 'made' is not saved and will be computed again: "
            assert self.log.count(said) == 1

    def run(self, source: str, choice: int) -> object:
        """Return the value of `made` before (1) or after (2) the change."""
        folder = self.folder / str(choice)
        _write(
            folder, source, choice, "notebook" if source.startswith("# notebook") else "functions"
        )
        found = self.answer({"folder": str(folder), "store": str(self.folder / "store")})
        assert "error" not in found, found["error"]
        self.ran, self.log = list(found["ran"]), str(found["log"])  # type: ignore[call-overload]
        return found["value"]


@pytest.fixture(autouse=True)
def codecs_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the codecs that a test registers: they count for every fingerprint."""
    monkeypatch.setattr(values, "_CODECS", values._CODECS.copy())


@pytest.fixture(scope="session")
def answer() -> Iterator[Answer]:
    """Return a function that runs a folder in a fresh process, by turns with other hash seeds."""
    programs = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        programs.append(subprocess.Popen([sys.executable, _PROGRAM], env=environment, **pipes))  # type: ignore[call-overload]

    def ask(request: dict[str, str]) -> dict[str, object]:
        programs.append(programs.pop(0))
        programs[0].stdin.write(json.dumps(request).encode() + b"\n")
        programs[0].stdin.flush()
        found: dict[str, object] = json.loads(programs[0].stdout.readline())
        return found

    yield ask
    for program in programs:
        program.communicate(timeout=60)
        assert program.returncode == 0


@pytest.fixture
def assert_change(tmp_path: Path, answer: Answer) -> Callable[..., None]:
    """Return `Cases.change` of a case."""
    return Cases(tmp_path, answer).change


@pytest.fixture
def assert_same(tmp_path: Path, answer: Answer) -> Callable[..., None]:
    """Return `Cases.same` of a case."""
    return Cases(tmp_path, answer).same


@pytest.fixture
def assert_doubt(tmp_path: Path, answer: Answer) -> Callable[..., None]:
    """Return `Cases.doubt` of a case."""
    return Cases(tmp_path, answer).doubt


def _write(folder: Path, source: str, choice: int, name: str) -> None:
    """Write the modules of a case."""
    folder.mkdir(exist_ok=True)
    text = _CHOICE.sub(lambda found: found[choice], textwrap.dedent(source))
    first, *others = re.split(r"^# (\S+\.(?:py|json))$", text, flags=re.MULTILINE)
    files = dict(zip(others[::2], others[1::2], strict=True))
    files[f"{name}.py"] = _HEAD + first
    if name == "functions":
        files["functions.py"], _, cell = files["functions.py"].partition("# cell\n")
        files["cell.py"] = f"import functions\n{cell}"
    for file, content in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(content, encoding="utf-8")
