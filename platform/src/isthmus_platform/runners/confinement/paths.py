"""The files that a runner's code consists of, and those of the system that any program reads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc", "/sys"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/locale.alias"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release", "/etc/debian_version"),
    *("/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/fonts"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies"),
    *("/etc/python3", *(f"/etc/python3.{minor}" for minor in range(11, 16))),
)
"""What a runner reads of the system; nothing else of /etc, which may hold secrets."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
"""Devices that a runner reads and writes."""

_ENGINES = {"processes": ("/dev/shm",)}  # noqa: S108 - its semaphores are files there, of fixed names


def engine_paths(engine: str | None) -> tuple[str, ...]:
    """Return what an engine writes besides the runner's directories."""
    return _ENGINES.get(engine or "", ())


def code_paths(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return what a command reads to start: paths that it names, and Python's own folders.

    For the Python of an environment these are the environment, the installation that it was made
    from, and the folders that its `.pth` files and `PYTHONPATH` name.
    """
    program = shutil.which(command[0], path=environment.get("PATH"))
    named = [program, *command[1:]] if program else command[1:]
    paths: list[str] = []
    for path in filter(os.path.isabs, named):
        if not os.path.exists(path):  # noqa: PTH110 - a Path raises if the text is too long for one
            continue
        # Python imports what lies beside a script.
        paths.append(str(Path(path).parent) if path.endswith(".py") else path)
        for place in (Path(path), Path(path).resolve()):
            paths += map(str, _python_paths(place.parent.parent))
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    return list(dict.fromkeys([*paths, *filter(os.path.isabs, folders)]))


def _python_paths(prefix: Path) -> Iterator[Path]:
    """Yield the folders of the Python that is installed below a prefix, if one is."""
    if prefix == prefix.parent:  # Python in /bin is that of /usr
        return
    if not (prefix / "pyvenv.cfg").is_file() and not any(prefix.glob("lib/python3*/os.py")):
        return
    yield prefix
    for file in prefix.glob("lib/python3*/site-packages/*.pth"):
        with suppress(OSError):  # only its user may read it; the deployment names what is missing
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield file.parent / line.strip()
