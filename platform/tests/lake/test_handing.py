from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import SpoolError
from isthmus_platform.lake import cleaning
from isthmus_platform.lake.handing import folder_of, forget, hand_on, hand_on_stage, handed_on
from isthmus_platform.lake.places import Lake
from isthmus_platform.storage import Location

DAYS = Identity("days", 1)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    spool = tmp_path / "home"
    spool.mkdir()
    for name in ("a", "b"):
        (spool / f"{name}.checkpoint").write_text(f"result {name}")
    return spool


@pytest.fixture
def folder(lake: Lake) -> Location:
    return folder_of(lake, DAYS, "manual__1")


def claim(spool: Path, name: str) -> StagedFile:
    content = (spool / name).read_bytes()
    return StagedFile(name, len(content), hashlib.sha256(content).hexdigest())


def contents(folder: Location) -> list[str]:
    return sorted(Path(each).read_text() for each in handed_on(folder))


def test_what_a_task_hands_on_the_next_finds(spool: Path, folder: Location) -> None:
    files = [claim(spool, "a.checkpoint"), claim(spool, "b.checkpoint")]
    assert hand_on_stage(folder, spool, files) == 16
    assert contents(folder) == ["result a", "result b"]


def test_what_is_there_already_is_not_copied_again(spool: Path, folder: Location) -> None:
    hand_on(folder, spool, "a.checkpoint")
    before = folder.names()
    assert hand_on_stage(folder, spool, [claim(spool, "a.checkpoint")]) == 8
    assert folder.names() == before


def test_a_copy_that_a_killed_task_left_unfinished_is_made_again(
    spool: Path, folder: Location
) -> None:
    with (folder / "a.checkpoint~00000000").writing() as path:
        path.write_text("res")
    hand_on_stage(folder, spool, [claim(spool, "a.checkpoint")])
    assert len(folder.names()) == 2


def test_runs_and_dataflows_do_not_see_each_others(
    spool: Path, folder: Location, lake: Lake
) -> None:
    hand_on(folder, spool, "a.checkpoint")
    assert handed_on(folder_of(lake, DAYS, "manual__2")) == ()
    assert handed_on(folder_of(lake, Identity("days", 2), "manual__1")) == ()


def test_what_a_run_has_left_is_forgotten(spool: Path, folder: Location, lake: Lake) -> None:
    other = folder_of(lake, DAYS, "../manual__2")
    for each in (folder, other):
        hand_on(each, spool, "a.checkpoint")
    forget(lake, DAYS, "manual__1")
    assert handed_on(folder) == ()
    assert contents(other) == ["result a"]
    forget(lake, DAYS, "manual__1")


@pytest.mark.parametrize(
    "name", ["../a.checkpoint", "/etc/passwd", "", ".", "..", ".hidden", "a/b", "a~b", "x" * 200]
)
def test_a_name_that_leads_elsewhere_is_refused(spool: Path, folder: Location, name: str) -> None:
    with pytest.raises(SpoolError, match="is no name of a result"):
        hand_on(folder, spool, name)
    assert folder.names() == ()


def test_a_link_is_not_followed(spool: Path, folder: Location, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (spool / "soft").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", spool / "hard")
    for name in ("soft", "hard", "nowhere"):
        with pytest.raises(SpoolError):
            hand_on(folder, spool, name)
    assert folder.names() == ()


def test_a_file_that_is_not_as_claimed_is_refused(spool: Path, folder: Location) -> None:
    right = claim(spool, "a.checkpoint")
    (spool / "a.checkpoint").write_text("result X")
    with pytest.raises(SpoolError, match=r"'a\.checkpoint' has 8 bytes and another digest"):
        hand_on_stage(folder, spool, [right])
    assert folder.names() == ()


def test_a_cleaning_takes_what_failed_runs_have_left(
    spool: Path, folder: Location, lake: Lake
) -> None:
    hand_on(folder, spool, "a.checkpoint")
    assert cleaning.find_waste(lake, timedelta(days=1)).files == ()
    (found,) = cleaning.find_waste(lake, timedelta(0)).files
    assert found.key.startswith("dataflows/days/v1/checkpoints/")
