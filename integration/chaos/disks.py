"""Small disks: put in the place of a directory, with little room left."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_ROOMY = "64m"


class ImpossibleError(Exception):
    """Report that this machine does not allow what a plan needs; the case does not count."""


def fill(place: Path, kilobytes: int) -> None:
    """Put a small disk in the place of a directory, with its content and little room more."""
    content = shutil.copytree(place, place.with_name(f"{place.name}.copy"))
    if not _mount("-t", "tmpfs", "-o", f"size={_ROOMY}", "chaos", str(place)):
        raise ImpossibleError("no disk can be mounted; be root, in a container with CAP_SYS_ADMIN")
    shutil.copytree(content, place, dirs_exist_ok=True)
    shutil.rmtree(content)
    disk = os.statvfs(place)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    _mount("-o", f"remount,size={used + kilobytes * 1024}", str(place))


def make_room(place: Path) -> None:
    """Give the disk in this place room enough."""
    _mount("-o", f"remount,size={_ROOMY}", str(place))


def take_away(place: Path) -> None:
    """Take away the disk in this place, if there is one."""
    if place.is_mount():
        subprocess.run(["umount", "-l", str(place)], check=True)


def _mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
