"""Every check of the repository, each tree in an environment of its own: `nox --list`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.needs_version = ">=2026.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
# The longest first: `make test` runs two at a time.
nox.options.sessions = [
    "integration",
    "platform",
    "transforms",
    "boundaries",
    "release",
    "contracts",
    "odcs",
]

ROOT = Path(__file__).parent
# `.venv/bin/nox` finds the uv beside it, also where `.venv` is not on the path.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
SOURCES = os.pathsep.join(
    str(ROOT / tree / "src") for tree in ("contracts", "platform", "transforms")
)
DATA = ROOT / "var" / "nycflights13"

# An exported PYTHONPATH would let one tree see another's code.
CLEAN = {"PYTHONPATH": None}
# Without bytecode every start of Airflow compiles it anew, which takes a minute.
INSTALL = {**CLEAN, "UV_COMPILE_BYTECODE": "1", "UV_PYTHON_DOWNLOADS": "never"}

# Whatever builds a tree has a hash, too.
EDITABLE = ("--no-deps", "--build-constraints", str(ROOT / "build.lock"), "-e")

COMPILE = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-annotate", "--no-header"),
    *("--no-emit-package", "isthmus-contracts"),
)


def group(tree: str, name: str) -> tuple[str, ...]:
    """Return what the lock of a tree's group is made from: the same versions, and more beside."""
    project = f"{tree}/pyproject.toml"
    return (project, "--group", f"{project}:{name}", "--constraints", f"{tree}/requirements.lock")


LOCKS = {
    "bootstrap.lock": ("bootstrap.in",),
    "build.lock": ("build.in",),
    "checks/odcs/requirements.lock": ("checks/odcs/requirements.in",),
    "checks/requirements.lock": ("checks/pyproject.toml",),
    "contracts/requirements.lock": ("contracts/pyproject.toml",),
    "contracts/requirements-test.lock": group("contracts", "test"),
    "docker/object-store.lock": ("docker/object-store.in", "--no-deps"),
    "platform/demo-data.lock": ("platform/demo-data.in", "--no-deps"),
    "platform/requirements.lock": ("platform/pyproject.toml",),
    "platform/requirements-cluster.lock": group("platform", "cluster"),
    "platform/requirements-test.lock": group("platform", "test"),
    "platform/s3-server/requirements.lock": ("platform/s3-server/requirements.in",),
    "transforms/requirements.lock": ("transforms/pyproject.toml",),
    "transforms/requirements-test.lock": group("transforms", "test"),
}


@nox.session
def contracts(session: nox.Session) -> None:
    """Types and tests of contracts/, which needs nothing but Python."""
    check_tree(session, "contracts")


@nox.session
def platform(session: nox.Session) -> None:
    """Types and tests of platform/, where neither pandas nor Hamilton can be imported."""
    build(session, ROOT / "platform" / "s3-server")
    check_tree(session, "platform", "contracts")


@nox.session
def transforms(session: nox.Session) -> None:
    """Types and tests of transforms/, where Airflow cannot be imported."""
    check_tree(session, "transforms", "contracts")


@nox.session
def boundaries(session: nox.Session) -> None:
    """Check who imports whom and who owns what, by seeding violations; style; fresh locks."""
    sync(session, "checks/requirements.lock")
    environment = {**CLEAN, "PYTHONPATH": SOURCES}
    session.run("lint-imports", "--no-cache", "--no-logo", env=environment)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    arguments = ["checks", "--ignore=checks/odcs", "--ignore=checks/release", *session.posargs]
    session.run("python", "-m", "pytest", *arguments, env=environment)


@nox.session
def odcs(session: nox.Session) -> None:
    """Read the exported catalog with other people's tools of the Open Data Contract Standard."""
    sync(session, "checks/odcs/requirements.lock")
    environment = {**CLEAN, "PYTHONPATH": str(ROOT / "contracts" / "src")}
    session.run("python", "-m", "pytest", "checks/odcs", *session.posargs, env=environment)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches the tests of all trees take, or of -- TREE...; floors must hold."""
    build(session, ROOT / "platform" / "s3-server")
    for tree in session.posargs or ("contracts", "platform", "transforms"):
        others = () if tree == "contracts" else ("contracts",)
        sync(session, f"{tree}/requirements-test.lock", *others, tree)
        with session.chdir(tree):
            for step in (["erase"], ["run", "-m", "pytest"], ["combine", "-q"], ["report"]):
                session.run("python", "-m", "coverage", *step, env=CLEAN)


@nox.session
def release(session: nox.Session) -> None:
    """Build the packages of the three trees, and try them in clean environments."""
    sync(session, "checks/requirements.lock")
    session.run("python", "-m", "pytest", "checks/release", *session.posargs, env=INSTALL)


@nox.session(venv_backend="none")
def parallel(session: nox.Session) -> None:
    """Run the sessions that run by default, or -- NAME..., beside each other: `make test`."""
    names = session.posargs or nox.options.sessions
    session.run(sys.executable, "checks/parallel.py", *names, external=True)


@nox.session(venv_backend="none")
def quick(session: nox.Session) -> None:
    """Check style, types and imports, and run the tests not marked slow: `make quick`."""
    names = ("transforms", "platform", "contracts", "boundaries")
    command = (sys.executable, "checks/parallel.py", "--brief", *names, "--", "-m", "not slow")
    session.run(*command, external=True)


@nox.session(venv_backend="none")
def affected(session: nox.Session) -> None:
    """Say who must approve what changed since BASE, and which sessions must run: -- BASE."""
    environment = {**CLEAN, "PYTHONPATH": str(ROOT / "contracts" / "src")}
    command = (sys.executable, "checks/affected.py", *session.posargs)
    session.run(*command, env=environment, external=True)


@nox.session
def integration(session: nox.Session) -> None:
    """Run real Airflow with both environments over real flights; see that benchmarks run."""
    environments(session)
    build(session, ROOT / "platform" / "s3-server")
    sync(session, "platform/requirements-test.lock", "contracts", "platform")
    for arguments in [session.posargs] if session.posargs else [["benchmarks"], ["integration"]]:
        session.run("python", "-m", "pytest", *arguments, env=CLEAN)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure what was promised, all of it or -- NAME, and write benchmarks/results.md."""
    environments(session)
    build(session, ROOT / "platform" / "s3-server")
    sync(session, "platform/requirements.lock", "contracts", "platform")
    session.run("python", "benchmarks/run.py", *session.posargs, env=CLEAN)


@nox.session
def chaos(session: nox.Session) -> None:
    """Disturb runs at random, and expect that none is green without a release: -- --seed N."""
    environments(session)
    sync(session, "platform/requirements-test.lock", "contracts", "platform")
    session.run("python", "-m", "pytest", "integration/chaos", env=CLEAN)
    session.run("python", "-m", "integration.chaos", *session.posargs, env=CLEAN)


@nox.session
def parity(session: nox.Session) -> None:
    """Compute every dataflow on every engine, by every way there is, and compare."""
    environments(session)
    sync(session, "platform/requirements-test.lock", "contracts", "platform")
    session.run("python", "-m", "pytest", "integration/parity", *session.posargs, env=CLEAN)


@nox.session
def compose(session: nox.Session) -> None:
    """Bring the stack up from nothing, in containers, and break it; less of it: -- -m smoke."""
    if not has_engine():
        session.skip("no container engine runs here: `docker info` or `docker compose` fails")
    sync(session, "platform/requirements-test.lock", "contracts", "platform")
    tests = "integration/compose"
    session.run("python", "-m", "pytest", "-c", f"{tests}/pytest.ini", tests, *session.posargs)


@nox.session(venv_backend="none")
def environments(session: nox.Session) -> None:
    """Build platform/.venv, transforms/.venv and the demonstration's data, where out of date."""
    for name in ("platform", "transforms"):
        build(session, ROOT / name, "contracts", name)
    lock = ROOT / "platform" / "demo-data.lock"
    with locked("demo-data"):
        if not is_fresh(DATA, lock):
            session.log("fetching the flights of 2013")
            options = ("--no-deps", "--require-hashes", "--target", str(DATA), "-r", str(lock))
            uv(session, "install", *options)
            mark_fresh(DATA, lock)


@nox.session(venv_backend="none")
def lock(session: nox.Session) -> None:
    """Write every lock anew; arguments such as --upgrade go to `uv pip compile`."""
    for path, arguments in LOCKS.items():
        session.run(*COMPILE, *arguments, "-o", path, *session.posargs, env=CLEAN, external=True)


def has_engine() -> bool:
    """Say whether containers can be run here, with docker compose."""
    docker = shutil.which("docker")
    return docker is not None and all(
        subprocess.run([docker, *asked], capture_output=True, check=False).returncode == 0  # noqa: S603 - as above
        for asked in (["info"], ["compose", "version"])
    )


def check_tree(session: nox.Session, tree: str, *others: str) -> None:
    """Run mypy and pytest of a tree in an environment that holds its test lock and nothing else."""
    sync(session, f"{tree}/requirements-test.lock", *others, tree)
    session.chdir(tree)
    session.run("python", "-m", "mypy", env=CLEAN)
    session.run("python", "-m", "pytest", *session.posargs, env=CLEAN)


def sync(session: nox.Session, lock: str, *trees: str) -> None:
    """Make the session's environment hold exactly the lock, then these trees as they are here."""
    uv(session, "sync", "--require-hashes", lock)
    for tree in trees:
        uv(session, "install", *EDITABLE, tree)


def build(session: nox.Session, folder: Path, *trees: str) -> None:
    """Make `<folder>/.venv` hold exactly its lock, then these trees, unless it does already."""
    venv, lock = folder / ".venv", folder / "requirements.lock"
    inputs = (lock, *(ROOT / tree / "pyproject.toml" for tree in trees))
    with locked(folder.name):
        if not is_fresh(venv, *inputs):
            make(session, venv, lock, *trees)
            mark_fresh(venv, *inputs)


def make(session: nox.Session, venv: Path, lock: Path, *trees: str) -> None:
    """Make the environment anew."""
    session.log(f"building {venv.relative_to(ROOT)}, which takes a minute or two")
    command = ("uv", "venv", "-q", "--clear", "--python", sys.executable, str(venv))
    session.run_install(*command, env=INSTALL, external=True)
    python = ("--python", str(venv / "bin" / "python"))
    uv(session, "sync", "--require-hashes", *python, str(lock))
    for tree in trees:
        uv(session, "install", *python, *EDITABLE, str(ROOT / tree))


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock, so that of several sessions one builds what they share."""
    place = ROOT / ".nox" / f"{name}.lock"
    place.parent.mkdir(exist_ok=True)
    with place.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def uv(session: nox.Session, *arguments: str) -> None:
    """Run `uv pip`, quietly."""
    command, *rest = arguments
    session.run_install("uv", "pip", command, "-q", *rest, env=INSTALL, external=True)


def is_fresh(folder: Path, *inputs: Path) -> bool:
    """Say whether the folder was built from these inputs, by this Python."""
    stamp = folder / ".built-from"
    return stamp.is_file() and stamp.read_text() == digest(*inputs)


def mark_fresh(folder: Path, *inputs: Path) -> None:
    """Remember what the folder was built from."""
    (folder / ".built-from").write_text(digest(*inputs))


def digest(*inputs: Path) -> str:
    """Return a digest of the inputs' content and of this Python's version."""
    content = b"\0".join(path.read_bytes() for path in inputs)
    return hashlib.sha256(sys.version.encode() + content).hexdigest()
