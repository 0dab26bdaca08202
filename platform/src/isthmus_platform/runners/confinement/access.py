"""What a runner may reach, as the part of a supervisor's spec that has the kernel enforce it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.runners.confinement import landlock, socket_filter
from isthmus_platform.runners.confinement.paths import DEVICES, SYSTEM


@dataclass(frozen=True, slots=True)
class Access:
    """Name what a runner may read and write, and the TCP ports that it may connect to.

    Everything below a directory counts. What the system's programs need is added.
    """

    readable: Sequence[str | Path] = ()
    writable: Sequence[str | Path] = ()
    ports: Sequence[int] = ()

    def spec(self) -> dict[str, object]:
        """Return the part of a supervisor's spec; a part is None where the kernel lacks it."""
        readable = [*SYSTEM, *map(_absolute, self.readable)]
        writable = [*DEVICES, *map(_absolute, self.writable)]
        return {
            "landlock": landlock.ruleset(readable, writable, self.ports),
            "socket_filter": socket_filter.program(internet=bool(self.ports)),
        }

    def warning(self) -> str | None:
        """Return which bounds this kernel does not enforce, or None if it enforces all."""
        version, gaps = landlock.version(), []
        if version == 0:
            gaps.append("read and write every file that its Unix user may")
        if self.ports and version < landlock.FIRST_WITH_PORTS:
            gaps.append("connect to any port")
        if not socket_filter.is_supported():
            gaps.append("open any kind of socket")
        if not gaps:
            return None
        return (
            f"this kernel does not confine the runner (Landlock version {version}): it can "
            f"{' and '.join(gaps)}; see docs/security.md"
        )


def _absolute(path: str | Path) -> str:
    return str(Path(path).absolute())
