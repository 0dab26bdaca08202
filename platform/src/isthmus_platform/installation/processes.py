"""Signatures first; the body follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.installation.settings import Installation


@dataclass(frozen=True, slots=True)
class Running:
    """Stand for an installation that is up and healthy; `url` is that of UI and API."""

    url: str

    def check(self) -> None:
        """Raise `InstallationError` with the end of its log if a component has died."""
        raise NotImplementedError

    def wait(self) -> None:
        """Return when the process is asked to stop (Ctrl-C, SIGTERM); raise if a component dies."""
        raise NotImplementedError


@contextmanager
def running(
    installation: Installation,
    report: Callable[[str], None],
    *,
    timeout: float = 180,
) -> Iterator[Running]:
    """Bring an installation up, hold it while the block runs, and take it down whatever happens."""
    raise NotImplementedError
    yield


def find_running(state: Path) -> str | None:
    """Return the address of the installation that is up on this state, if one is."""
    raise NotImplementedError
