"""Small disks that replace a directory, and directories that even root cannot write."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ROOMY = "64m"
_PR_SET_SECUREBITS, _NO_RIGHTS_OF_ROOT, _CAPABILITY_VERSION = 28, 1, 0x20080522


@dataclass(frozen=True, slots=True)
class FullDisk:
    """Leave so many kilobytes on a disk: that of `lake`, `runs` or the checkpoints."""

    disk: str
    kilobytes: int


def fill(place: Path, kilobytes: int) -> None:
    """Replace a directory by a small disk with the same content and little free space."""
    content = shutil.copytree(place, place.with_name(f"{place.name}.copy"))
    if not _mount("-t", "tmpfs", "-o", f"size={_ROOMY}", "chaos", str(place)):
        raise OSError("no disk can be mounted; be root, in a container with CAP_SYS_ADMIN")
    shutil.copytree(content, place, dirs_exist_ok=True)
    shutil.rmtree(content)
    disk = os.statvfs(place)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    _mount("-o", f"remount,size={used + kilobytes * 1024}", str(place))


def make_room(place: Path) -> None:
    """Enlarge the disk at this path."""
    _mount("-o", f"remount,size={_ROOMY}", str(place))


def unmount(place: Path) -> None:
    """Unmount the disk at this path, if there is one."""
    if place.is_mount():
        subprocess.run(["umount", "-l", str(place)], check=True)


def _mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


def obey_modes() -> None:
    """Give up root's right to write where modes forbid it; this cannot be undone."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header, nothing = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        refused = libc.prctl(_PR_SET_SECUREBITS, _NO_RIGHTS_OF_ROOT, 0, 0, 0)
        if refused or libc.capset(header, nothing):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
