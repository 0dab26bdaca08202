"""What a task of a run gets from outside: its identity, params and log, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from logging import getLogger
from typing import TYPE_CHECKING, Protocol

from isthmus_contracts import Identity, Interval
from isthmus_contracts.protocol import RunIdentity
from isthmus_platform.errors import SourceError

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Log(Protocol):
    """Log as a standard logger does; Airflow's loggers are of another type."""

    def info(self, message: str, /, *values: object) -> None:
        """Log what a person may want to know."""

    def warning(self, message: str, /, *values: object) -> None:
        """Log what is unusual."""

    def error(self, message: str, /, *values: object) -> None:
        """Log why the task fails."""

    def log(self, level: int, message: str, /, *values: object) -> None:
        """Log at a level of the standard library."""


class Cancellation:
    """Let one thread or signal handler stop the task that another one executes."""

    def __init__(self) -> None:
        self.requested = False
        self._stop: Callable[[], None] | None = None

    def on_request(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the cancellation is requested, at once if it was before."""
        self._stop = stop
        if self.requested:
            stop()

    def request(self) -> None:
        """Stop the task."""
        self.requested = True
        if self._stop is not None:
            self._stop()


def _no_connection(name: str) -> Engine:
    raise SourceError(name, "no connection can be opened here")


def _may_be_active(_run: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class RunContext:
    """Say which attempt of which task of which run this is, and what the task may use.

    `params` and `interval` are what the run was started with. `triggers` maps a dataflow that
    triggered the run to the release that it announced. `connect` opens a connection by its name.
    `is_active` says of a run of the same dataflow, by its id, that it may not have ended yet.
    """

    run: str
    task: str
    attempt: int = 1
    params: Mapping[str, object] = field(default_factory=dict)
    interval: Interval | None = None
    triggers: Mapping[str, str] = field(default_factory=dict)
    log: Log = field(default_factory=lambda: getLogger("isthmus"))
    connect: Callable[[str], Engine] = _no_connection
    is_active: Callable[[str], bool] = _may_be_active
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def identity(self) -> RunIdentity:
        """Return the identity that a runner has to repeat in its result."""
        return RunIdentity(self.run, self.task, self.attempt)

    def triggering_release(self, dataflow: Identity) -> str | None:
        """Return the release of a dataflow that triggered this run, if one did."""
        return self.triggers.get(str(dataflow))
