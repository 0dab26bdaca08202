"""What the rules know of the repository: its trees, packages and files."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREES = ("contracts", "platform", "transforms")
PACKAGES = tuple(f"isthmus_{tree}" for tree in TREES)


def files(root: Path) -> list[Path]:
    """Return every file that git tracks or would track, as paths below `root`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [Path(name) for name in names if (root / name).is_file()]
