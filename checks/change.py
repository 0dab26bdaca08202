"""What changed since a revision: paths, reasons given in commit messages, the catalog before."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CATALOG = "contracts/catalog.json"
TRAILER = "Crosses-Border"


class ChangeError(Exception):
    """Say in one sentence why a change cannot be read."""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold a change: both paths of what was renamed, and the catalog before and after it."""

    base: str
    paths: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    catalog_before: str | None = None
    catalog_after: str | None = None


def read_change(folder: Path, revision: str) -> Change:
    """Return what changed since the last commit that HEAD shares with a revision.

    Committed or not, and tracked or not: what git ignores aside. Raise `ChangeError`.
    """
    top = _ask(folder, "rev-parse", "--show-toplevel")
    if top is None:
        raise ChangeError(f"{folder} is in no git repository")
    root = Path(top.rstrip("\n"))
    commit = _ask(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if commit is None:
        raise ChangeError(f"there is no revision {revision!r} here; fetch it, or name another")
    base = _ask(root, "merge-base", commit.strip(), "HEAD")
    if base is None:
        raise ChangeError(f"HEAD and {revision!r} share no commit; fetch the whole history")
    base = base.strip()
    after = root / CATALOG
    return Change(
        base=base,
        paths=_paths(root, base),
        reasons=_reasons(root, base),
        catalog_before=_ask(root, "show", f"{base}:{CATALOG}"),
        catalog_after=after.read_text("utf-8", "replace") if after.is_file() else None,
    )


def _paths(root: Path, base: str) -> tuple[str, ...]:
    # Without renames, git lists what was renamed as deleted here and added there.
    tracked = _git(root, "diff", "--name-only", "--no-renames", "--no-relative", "-z", base)
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted({*tracked.split("\0"), *untracked.split("\0")} - {""}))


def _reasons(root: Path, base: str) -> tuple[str, ...]:
    values = f"--format=%(trailers:key={TRAILER},valueonly,unfold)"
    found = _git(root, "log", values, f"{base}..HEAD")
    return tuple(dict.fromkeys(line.strip() for line in found.splitlines() if line.strip()))


def _git(root: Path, *arguments: str) -> str:
    done = _run(root, *arguments)
    if done.returncode:
        raise ChangeError(f"git {arguments[0]} stops: {done.stderr.strip()}")
    return done.stdout


def _ask(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it says no."""
    done = _run(folder, *arguments)
    return None if done.returncode else done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise ChangeError("git is not installed; install it") from None
