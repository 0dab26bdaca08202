"""How one dataflow runs: everything that a platform team turns without reading a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from isthmus_contracts import DataflowContract, PlainValue, UnknownNameError

_LONGEST_SECONDS = 366 * 24 * 3600
MOST_DAYS = 3660


def expect(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise `ValueError` that says what is allowed, unless the condition holds."""
    if not condition:
        raise ValueError(f"{name} is {value!r}; allowed: {allowed}")


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

    `schedule` is a cron expression; without one, a dataflow that reads other dataflows runs when
    these publish, and any other by hand. One with partitions runs for the interval that ends at
    each time of its schedule; with `fan_out`, each partition of a run is computed by a task of its
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
        delay, minutes = self.retry_delay_seconds, self.timeout_minutes
        expect(self.retries >= 0, "retries", self.retries, "0 or more")
        expect(0 <= delay <= _LONGEST_SECONDS, "retry_delay_seconds", delay, "0 to a year")
        longest = _LONGEST_SECONDS / 60
        expect(0 < minutes <= longest, "timeout_minutes", minutes, "more than 0, to a year")
        memory, size, days = self.memory_megabytes, self.checkpoint_megabytes, self.checkpoint_days
        expect(memory is None or memory > 0, "memory_megabytes", memory, "1 or more")
        reader = self.acceptance_memory_megabytes
        expect(reader >= 256, "acceptance_memory_megabytes", reader, "256 or more")  # noqa: PLR2004
        expect(size > 0, "checkpoint_megabytes", size, "1 or more")
        expect(0 < days <= MOST_DAYS, "checkpoint_days", days, "more than 0, to ten years")
        expect(self.schedule != "", "schedule", self.schedule, "a cron expression")
        for name in ("queue", "transform_queue", "pool"):
            value = getattr(self, name)
            expect(value != "", name, value, f"the name of a {name.rpartition('_')[2]}")
        for name in self.stage:
            if name not in self.stages:
                raise ValueError(
                    f"stage.{name} has settings, but {name!r} is not in stages, "
                    f"{list(self.stages)}; add it there, or remove its table"
                )
            try:
                self.of_stage(name)
            except ValueError as error:
                problem = str(error).removeprefix("transform_")  # which a stage calls its queue
                raise ValueError(f"stage.{name}: {problem}") from None

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
