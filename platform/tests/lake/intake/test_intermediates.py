from __future__ import annotations

import hashlib
import os
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from isthmus_contracts import Identity, Interval
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import StagingError
from isthmus_platform.lake.intake.intermediates import (
    intermediates_folder,
    intermediates_of,
    remove_intermediates,
    save_intermediate,
    save_intermediates,
)
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import garbage_collection
from isthmus_platform.storage import Location

DAYS = Identity("days", 1)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    staging = tmp_path / "home"
    staging.mkdir()
    for name in ("a", "b"):
        (staging / f"{name}.checkpoint").write_text(f"result {name}")
    return staging


@pytest.fixture
def folder(lake: Lake) -> Location:
    return intermediates_folder(lake, DAYS, "manual__1")


def claim(staging: Path, name: str) -> StagedFile:
    content = (staging / name).read_bytes()
    return StagedFile(name, len(content), hashlib.sha256(content).hexdigest())


def contents(folder: Location) -> list[str]:
    return sorted(Path(path).read_text() for path in intermediates_of(folder))


def test_what_a_task_hands_on_the_next_finds(staging: Path, folder: Location) -> None:
    files = [claim(staging, "a.checkpoint"), claim(staging, "b.checkpoint")]
    assert save_intermediates(folder, staging, files) == 16
    assert contents(folder) == ["result a", "result b"]


def test_what_is_there_already_is_not_copied_again(staging: Path, folder: Location) -> None:
    save_intermediate(folder, staging, "a.checkpoint", 100)
    before = folder.names()
    assert save_intermediates(folder, staging, [claim(staging, "a.checkpoint")]) == 8
    assert folder.names() == before


def test_a_copy_that_a_killed_task_left_unfinished_is_made_again(
    staging: Path, folder: Location
) -> None:
    with (folder / "a.checkpoint~00000000").writing() as path:
        path.write_text("res")
    save_intermediates(folder, staging, [claim(staging, "a.checkpoint")])
    assert len(folder.names()) == 2


def test_runs_and_dataflows_do_not_see_each_others(
    staging: Path, folder: Location, lake: Lake
) -> None:
    save_intermediate(folder, staging, "a.checkpoint", 100)
    assert intermediates_of(intermediates_folder(lake, DAYS, "manual__2")) == ()
    assert intermediates_of(intermediates_folder(lake, Identity("days", 2), "manual__1")) == ()


def test_what_a_run_has_left_is_forgotten(staging: Path, folder: Location, lake: Lake) -> None:
    other = intermediates_folder(lake, DAYS, "../manual__2")
    for place in (folder, other):
        save_intermediate(place, staging, "a.checkpoint", 100)
    remove_intermediates(lake, DAYS, "manual__1")
    assert intermediates_of(folder) == ()
    assert contents(other) == ["result a"]
    remove_intermediates(lake, DAYS, "manual__1")


@pytest.mark.parametrize("other", ["00000000", "ffffffff"])
def test_of_several_copies_the_next_gets_the_whole_one(
    staging: Path, folder: Location, other: str
) -> None:
    with (folder / f"a.checkpoint~{other}").writing() as path:
        path.write_text("res")
    files = [claim(staging, "a.checkpoint")]
    save_intermediates(folder, staging, files)
    assert contents(folder) == ["result a"]
    save_intermediates(folder, staging, files)
    assert len(folder.names()) == 2


def test_each_part_of_a_run_has_its_own_and_all_are_forgotten(staging: Path, lake: Lake) -> None:
    days = [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)]
    parts = [intermediates_folder(lake, DAYS, "1", Interval(*bounds)) for bounds in pairwise(days)]
    save_intermediate(parts[0], staging, "a.checkpoint", 100)
    assert [contents(part) for part in parts] == [["result a"], []]
    remove_intermediates(lake, DAYS, "1")
    assert contents(parts[0]) == []


def test_a_file_with_holes_is_not_filled_up(staging: Path, folder: Location) -> None:
    with (staging / "holes").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(StagingError, match="'holes' is larger than 1,000 bytes"):
        save_intermediate(folder, staging, "holes", 1000)
    with pytest.raises(StagingError, match="larger than 8 bytes"):
        save_intermediates(folder, staging, [StagedFile("holes", 8, "0" * 64)])
    assert folder.names() == ()


@pytest.mark.parametrize(
    "name", ["../a.checkpoint", "/etc/passwd", "", ".", "..", ".hidden", "a/b", "a~b", "x" * 200]
)
def test_a_name_that_leads_elsewhere_is_refused(staging: Path, folder: Location, name: str) -> None:
    with pytest.raises(StagingError, match="is not a valid name of a result"):
        save_intermediate(folder, staging, name, 100)
    assert folder.names() == ()


def test_a_link_is_not_followed(staging: Path, folder: Location, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (staging / "soft").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", staging / "hard")
    for name in ("soft", "hard", "nowhere"):
        with pytest.raises(StagingError):
            save_intermediate(folder, staging, name, 100)
    assert folder.names() == ()


def test_a_file_that_is_not_as_claimed_is_refused(staging: Path, folder: Location) -> None:
    right = claim(staging, "a.checkpoint")
    (staging / "a.checkpoint").write_text("result X")
    with pytest.raises(StagingError, match=r"'a\.checkpoint' has 8 bytes and another digest"):
        save_intermediates(folder, staging, [right])
    assert folder.names() == ()


def test_garbage_collection_removes_intermediates_of_failed_runs(
    staging: Path, folder: Location, lake: Lake
) -> None:
    save_intermediate(folder, staging, "a.checkpoint", 100)
    assert list(garbage_collection.find_garbage(lake, timedelta(days=1))) == []
    (found,) = garbage_collection.find_garbage(lake, timedelta(0))
    assert found.key.startswith("dataflows/days/v1/checkpoints/")
