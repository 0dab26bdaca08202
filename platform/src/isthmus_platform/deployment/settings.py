"""How one dataflow runs: everything that a platform team turns without reading a function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeAlias

from isthmus_contracts import DataflowContract, PlainValue, UnknownNameError
from isthmus_platform.deployment.schedules import schedule_problems

_LONGEST_SECONDS = 366 * 24 * 3600
MOST_DAYS = 3660


Rule: TypeAlias = tuple[bool, str, object, str]
"""Whether a setting is allowed, its name, its value, and what is allowed, in words."""


class SettingsError(ValueError):
    """Report every setting of a section that is not allowed; each problem is a sentence."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def expect(*rules: Rule) -> None:
    """Raise `SettingsError` with every rule that does not hold."""
    if problems := tuple(_problems(rules)):
        raise SettingsError(problems)


def _problems(rules: Iterable[Rule]) -> Iterator[str]:
    for allows, name, value, allowed in rules:
        if not allows:
            yield f"{name} is {value!r}; allowed: {allowed}"


@dataclass(frozen=True, slots=True)
class StageSettings:
    """Say how one stage runs; what is left out is as for the dataflow."""

    engine: str | None = None
    engine_options: Mapping[str, PlainValue] | None = None
    retries: int | None = None
    retry_delay_seconds: float | None = None
    timeout_minutes: float | None = None
    memory_megabytes: int | None = None
    pool: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Say how one dataflow runs; what a file leaves out comes from its `[defaults]`.

    `schedule` is a cron expression in UTC; without one, a dataflow that reads other dataflows runs
    when these publish, and any other by hand. One with partitions runs for those that have ended
    since the time before; with `fan_out`, each partition of a run is computed by a task of its
    own. With `approval`, a person is asked before it publishes. `transform_queue` is where its
    transform tasks wait for a worker, by default in `queue` like the others. `memory_megabytes` is
    how much a runner and what it starts may hold, by default all there is;
    `acceptance_memory_megabytes` is how much the process may hold that reads what was staged.

    With `checkpoints`, the runner saves results that took long in its home, within
    `checkpoint_megabytes` and for `checkpoint_days` without use, and a later attempt or run reuses
    them. `stages` names stage boundaries, which are checkpoints and outputs of the contract: the
    work up to each is a task of its own, and `stage` says what differs for it. `fused` makes one
    task of the whole run.
    """

    runner: str = "default"
    engine: str = "sequential"
    engine_options: Mapping[str, PlainValue] = field(default_factory=dict)
    schedule: str | None = None
    retries: int = 0
    retry_delay_seconds: float = 30.0
    timeout_minutes: float = 60.0
    memory_megabytes: int | None = None
    acceptance_memory_megabytes: int = 512
    pool: str = "default_pool"
    queue: str = "default"
    transform_queue: str | None = None
    approval: bool = False
    fan_out: bool = False
    fused: bool = False
    checkpoints: bool = False
    checkpoint_megabytes: int = 10_000
    checkpoint_days: float = 30.0
    stages: tuple[str, ...] = ()
    stage: Mapping[str, StageSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = (*_problems(self._rules()), *self._schedule_problems())
        if problems := (*own, *self._stage_problems(own)):
            raise SettingsError(problems)

    def _rules(self) -> Iterator[Rule]:
        delay, minutes = self.retry_delay_seconds, self.timeout_minutes
        yield self.retries >= 0, "retries", self.retries, "0 or more"
        yield 0 <= delay <= _LONGEST_SECONDS, "retry_delay_seconds", delay, "0 to a year"
        longest = _LONGEST_SECONDS / 60
        yield 0 < minutes <= longest, "timeout_minutes", minutes, "more than 0, to a year"
        memory, size, days = self.memory_megabytes, self.checkpoint_megabytes, self.checkpoint_days
        yield memory is None or memory > 0, "memory_megabytes", memory, "1 or more"
        reader, least = self.acceptance_memory_megabytes, 256
        yield reader >= least, "acceptance_memory_megabytes", reader, "256 or more"
        yield size > 0, "checkpoint_megabytes", size, "1 or more"
        yield 0 < days <= MOST_DAYS, "checkpoint_days", days, "more than 0, to ten years"
        yield self.schedule != "", "schedule", self.schedule, "a cron expression"
        for name in ("queue", "transform_queue", "pool"):
            value = getattr(self, name)
            yield value != "", name, value, f"the name of a {name.rpartition('_')[2]}"

    def _schedule_problems(self) -> Iterator[str]:
        if self.schedule:
            for problem in schedule_problems(self.schedule):
                yield f"schedule is {self.schedule!r}; it has {problem}"

    def _stage_problems(self, own: Collection[str]) -> Iterator[str]:
        for name in self.stage:
            if name not in self.stages:
                yield (
                    f"stage.{name} has settings, but {name!r} is not in stages, "
                    f"{list(self.stages)}; add it there, or remove its table"
                )
            try:
                self.of_stage(name)
            except SettingsError as error:
                for problem in error.problems:
                    if problem not in own:  # a stage calls its transform_queue its queue
                        yield f"stage.{name}: {problem.removeprefix('transform_')}"

    @property
    def saves_checkpoints(self) -> bool:
        """Say whether results are saved as checkpoints: stages need them."""
        return self.checkpoints or bool(self.stages)

    def of_stage(self, name: str | None) -> Settings:
        """Return how a stage runs, or, for None, the task that computes the rest."""
        own = self.stage.get(name or "", StageSettings())
        given = {field_.name: getattr(own, field_.name) for field_ in fields(own)}
        changes = {name: value for name, value in given.items() if value is not None}
        if "queue" in changes:
            changes["transform_queue"] = changes.pop("queue")
        if own.engine not in (None, self.engine):
            changes.setdefault("engine_options", {})
        return replace(self, stages=(), stage={}, checkpoints=self.saves_checkpoints, **changes)


def mismatches(dataflow: DataflowContract, settings: Settings) -> Iterator[str]:
    """Yield what the settings ask of a dataflow that its contract does not offer."""
    whole = [output.name for output in dataflow.outputs if output not in dataflow.partitioned]
    if settings.fan_out and whole:
        yield (
            f"fan_out is true, but output {whole[0]!r} has no partitions, so no part of an "
            "interval can compute it"
        )
    offered = [checkpoint.name for checkpoint in (*dataflow.checkpoints, *dataflow.outputs)]
    for name in settings.stages:
        if name not in offered:
            yield f"stages: {UnknownNameError('checkpoint or output', name, offered)}"
        if settings.stages.count(name) > 1:
            yield f"stages name {name!r} {settings.stages.count(name)} times"
    for name in ("stages", "fan_out", "approval"):
        if settings.fused and getattr(settings, name):
            yield f"fused makes one task of a run, and {name} needs more; set only one of them"
