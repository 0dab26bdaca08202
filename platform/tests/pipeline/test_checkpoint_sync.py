"""Syncing a runner's checkpoints to the lake while the runner works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_platform.lake.intake.intermediates import intermediates_folder, intermediates_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.pipeline.checkpoint_sync import SyncedCheckpoints, sync_checkpoints
from isthmus_platform.storage import DiskStore, Location

Sync = Callable[[str], None]
DAYS = Identity("days", 1)
BELOW = "checkpoints/days.v1"


@dataclass(frozen=True, slots=True)
class SlowStore(DiskStore):
    """A store that takes a while for each file, and notes its name."""

    begun: list[str] = field(default_factory=list)

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        self.begun.append(key)
        time.sleep(0.1)
        with super(SlowStore, self).writing(key) as path:
            yield path


@dataclass
class Scene:
    """A runner's home with checkpoints in it, and a lake that is slow."""

    home: Path
    store: SlowStore
    logged: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def checkpoints(self) -> Path:
        return self.home / BELOW

    @property
    def lake(self) -> Lake:
        return Lake(self.store)

    @property
    def folder(self) -> Location:
        return intermediates_folder(self.lake, DAYS, "1")

    def syncing(self, max_bytes: int = 1_000_000) -> AbstractContextManager[Sync]:
        where = SyncedCheckpoints(self.home, BELOW, max_bytes)
        return sync_checkpoints(
            self.lake, self.folder, where, self.logged.append, lambda: self.stopped
        )

    def sync_and_raise(self, error: BaseException, names: Iterable[str]) -> None:
        with self.syncing() as sync:
            for name in names:
                sync(name)
            raise error

    def synced(self) -> list[str]:
        return [Path(path).read_text() for path in intermediates_of(self.folder)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path / "home", SlowStore(tmp_path / "lake"))
    scene.checkpoints.mkdir(parents=True)
    for name in ("a", "b"):
        (scene.checkpoints / name).write_text(f"result {name}")
    return scene


def test_what_was_begun_is_finished_even_where_the_run_fails(scene: Scene) -> None:
    with pytest.raises(ValueError, match="failed"):
        scene.sync_and_raise(ValueError("failed"), ["a", "b"])
    assert sorted(scene.synced()) == ["result a", "result b"]


def test_a_checkpoint_that_is_reported_repeatedly_is_synced_once(scene: Scene) -> None:
    with scene.syncing() as sync:
        for _ in range(1000):
            sync("a")
    assert len(scene.store.begun) == 1


def test_no_more_is_synced_than_the_quota_allows(scene: Scene) -> None:
    with scene.syncing(15) as sync:
        sync("a")
        sync("b")
    assert scene.synced() == ["result a"]
    (message,) = scene.logged
    assert "/b' is larger than 7 bytes" in message


def test_a_home_that_leads_elsewhere_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    (scene.home / "checkpoints").rename(tmp_path / "elsewhere")
    (scene.home / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with scene.syncing() as sync:
        sync("a")
    assert scene.synced() == []
    assert "cannot be opened" in scene.logged[0]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_task_that_is_stopped_does_not_wait(scene: Scene, error: type[BaseException]) -> None:
    names = [f"r{number}" for number in range(100)]
    for name in names:
        (scene.checkpoints / name).touch()
    scene.stopped = error is RuntimeError
    start = time.monotonic()
    with pytest.raises(error):
        scene.sync_and_raise(error(), names)
    assert time.monotonic() - start < 3
    assert len(scene.store.begun) < 10
