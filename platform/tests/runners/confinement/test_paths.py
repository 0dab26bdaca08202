"""Which files a runner's code consists of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isthmus_platform.runners.confinement.paths import SYSTEM, code_paths, engine_paths


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return an environment, made from an installation of Python, with an editable package."""
    base, folder = tmp_path / "python", tmp_path / "environment"
    packages = folder / "lib" / "python3.12" / "site-packages"
    for directory in (base / "bin", base / "lib" / "python3.12", folder / "bin", packages):
        directory.mkdir(parents=True)
    for file in (base / "bin" / "python3.12", base / "lib" / "python3.12" / "os.py"):
        file.touch(0o755)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "python").symlink_to(base / "bin" / "python3.12")
    lines = ["# a comment", "import site", "", str(tmp_path / "src"), "../beside"]
    (packages / "editable.pth").write_text("\n".join(lines))
    return folder


def program_in(folder: Path) -> str:
    """Return a program that is not Python's."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "runner"
    program.touch(0o755)
    return str(program)


def test_python_is_its_environment_its_installation_and_what_pth_files_name(
    environment: Path, tmp_path: Path
) -> None:
    python = environment / "bin" / "python"
    assert code_paths((str(python), "-m", "runner"), {}) == [
        str(python),
        str(environment),
        str(tmp_path / "src"),
        str(environment / "lib" / "python3.12" / "site-packages" / "../beside"),
        str(tmp_path / "python"),
    ]


def test_a_program_is_found_on_the_runners_path(environment: Path) -> None:
    path = {"PATH": str(environment / "bin")}
    assert str(environment) in code_paths(("python", "-m", "runner"), path)
    assert code_paths(("no-such-program",), path) == []


def test_the_python_that_another_program_starts_counts_too(environment: Path) -> None:
    command = ("/usr/bin/nice", str(environment / "bin" / "python"), "-m", "runner")
    assert {"/usr/bin/nice", str(environment)} < {*code_paths(command, {})}


def test_a_program_beside_no_python_is_only_itself(tmp_path: Path) -> None:
    program = program_in(tmp_path)
    assert code_paths((program,), {}) == [program]
    assert {*code_paths(("/bin/sh",), {})} <= {"/bin/sh", "/usr"}


def test_named_paths_count_and_a_script_counts_with_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    script = tmp_path / "runner.py"
    script.touch()
    program = program_in(tmp_path)
    command = (program, str(tmp_path / "models"), str(script), "/no/such/path", "relative")
    assert code_paths(command, {}) == [program, str(tmp_path / "models"), str(tmp_path)]


@pytest.mark.parametrize("text", ["/" + "x" * 100_000, "/\0", "x" * 100_000])
def test_an_argument_that_cannot_be_a_path_is_not_one(text: str, tmp_path: Path) -> None:
    program = program_in(tmp_path)
    assert code_paths((program, "-c", text), {}) == [program]


def test_the_folders_of_pythonpath_are_code(tmp_path: Path) -> None:
    folders = os.pathsep.join(("/own", "", "relative", str(tmp_path)))
    program = program_in(tmp_path)
    assert code_paths((program,), {"PYTHONPATH": folders}) == [program, "/own", str(tmp_path)]


def test_nothing_of_the_system_may_hold_what_is_airflows() -> None:
    assert not {"/", "/etc", "/opt", "/home", "/root", "/var", "/run", "/tmp"} & {*SYSTEM}  # noqa: S108


def test_only_worker_processes_write_outside_the_runners_directories() -> None:
    assert engine_paths("processes") == ("/dev/shm",)  # noqa: S108 - where Linux has semaphores
    for engine in (None, "sequential", "threads"):
        assert engine_paths(engine) == ()
