"""What a hostile runner tries to write, and to have the platform take over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_platform.errors import StagingError
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.runners.directories import empty


class Outcome(Protocol):
    """The outcome of an attack, as the fixture gives it."""

    end: object
    error: str
    log: list[str]
    seconds: float
    report: Mapping[str, list[str]]


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path
    lake: Lake
    staging: Path

    def attack(self, text: str, disk_limit_megabytes: int | None = None) -> Outcome: ...
    def accepted(self, *paths: str) -> Accepted: ...


def test_nothing_outside_the_staging_place_can_be_written_as_another_user(
    other_side: Battlefield,
) -> None:
    text = """
got = []
places = [FOLDER, LAKE, STATE, os.path.dirname(STAGING), "/etc", "/usr"]
for place in places:
    try:
        open(place + "/planted", "w").close()
        got.append(place)
    except OSError:
        pass
for path in (LAKE + "/input.parquet", FOLDER + "/company.toml", STATE + "/airflow.cfg"):
    for attempt in (open, os.unlink, os.chmod):
        try:
            attempt(path, *{open: "a", os.unlink: "", os.chmod: [0o666]}[attempt])
            got.append(path)
        except OSError:
            pass
open(STAGING + "/allowed", "w").close()
print(json.dumps({"got": got}), file=sys.stderr)
"""
    assert other_side.attack(text).report["got"] == []
    assert (other_side.staging / "allowed").exists()


def refused(field: Battlefield, *paths: str, why: str) -> None:
    """Expect acceptance to refuse, and to leave nothing in the lake."""
    before = sorted((field.folder / "lake").rglob("*.*"))
    with pytest.raises(StagingError, match=why):
        field.accepted(*paths)
    assert sorted((field.folder / "lake").rglob("*.*")) == before


@pytest.mark.parametrize(
    "path", ["../../lake/input.parquet", "../planted.parquet", "/etc/passwd", "a/../../x", ".", ""]
)
def test_a_path_that_leads_out_of_the_staging_directory_is_refused(
    field: Battlefield, path: str
) -> None:
    (field.staging.parent / "planted.parquet").write_bytes(b"PAR1")
    refused(field, path, why="is not a file in it")


def test_a_symbolic_link_is_refused(field: Battlefield) -> None:
    field.attack("os.symlink(STATE + '/airflow.cfg', STAGING + '/days.arrows')")
    refused(field, "days.arrows", why="'days.arrows' is a link")


def test_a_folder_that_is_a_symbolic_link_is_refused(field: Battlefield) -> None:
    field.attack("os.symlink(STATE, STAGING + '/folder')")
    refused(field, "folder/airflow.cfg", why="'folder' is a link")


def test_a_hard_link_is_refused(field: Battlefield) -> None:
    field.attack("os.link(LAKE + '/input.parquet', STAGING + '/days.arrows')")
    refused(field, "days.arrows", why="'days.arrows' is a link")


def test_a_staging_directory_that_is_replaced_by_a_link_is_refused(field: Battlefield) -> None:
    field.attack("os.rmdir(STAGING); os.symlink(STATE, STAGING)")
    with pytest.raises(StagingError, match="it is a link itself"):
        field.accepted("airflow.cfg")
    (field.folder / "airflow" / "calendar.png").unlink()


def test_a_pipe_does_not_stop_the_platform(field: Battlefield) -> None:
    field.attack("os.mkfifo(STAGING + '/days.arrows')")
    refused(field, "days.arrows", why="'days.arrows' is not a regular file")


MANY_FILES = """
number = 0
while True:
    number += 1
    with open(f"{STAGING}/{number}", "wb") as file:
        file.write(b"x" * 1_000_000)
    time.sleep(0.005)
"""
ONE_FILE = """
with open(f"{STAGING}/days.arrows", "wb") as file:
    while True:
        file.write(b"x" * 1_000_000)
"""
HOLES = """
os.truncate(os.open(f"{STAGING}/days.arrows", os.O_CREAT | os.O_WRONLY), 1 << 40)
"""


def test_a_staging_directory_that_is_filled_with_files_stops_the_runner(field: Battlefield) -> None:
    outcome = field.attack(MANY_FILES, disk_limit_megabytes=20)
    assert outcome.error.startswith("the runner wrote more than 20 MB; `disk_limit_megabytes` in")
    assert outcome.seconds < 10


@pytest.mark.parametrize("text", [ONE_FILE, HOLES], ids=["content", "holes"])
def test_a_file_never_grows_beyond_the_limit(field: Battlefield, text: str) -> None:
    outcome = field.attack(text, disk_limit_megabytes=20)
    assert outcome.end is None
    assert os.path.getsize(field.staging / "days.arrows") <= 20_000_000  # noqa: PTH202
    assert "File too large" in outcome.log[-1]


EMPTY_FILES = """
for number in range(10_000_000):
    open(f"{STAGING}/{number}", "wb").close()
"""
DEEP = """
os.chdir(STAGING)
for number in range(1_500):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
with open("large", "wb") as file:
    file.write(bytes(1_000_000))
time.sleep(60)
"""


def test_a_million_empty_files_are_not_nothing(field: Battlefield) -> None:
    outcome = field.attack(EMPTY_FILES, disk_limit_megabytes=20)
    assert outcome.error.startswith("the runner wrote more than 20 MB")
    assert outcome.seconds < 30
    empty(str(field.staging))


def test_directories_that_no_path_can_name_stop_the_runner(field: Battlefield) -> None:
    outcome = field.attack(DEEP, disk_limit_megabytes=20)
    assert outcome.error.startswith("what the runner wrote cannot be measured: ")
    assert "File name too long" in outcome.error
    empty(str(field.staging))


def test_a_file_that_is_larger_than_it_is_said_to_be_is_not_copied(field: Battlefield) -> None:
    text = "os.truncate(os.open(STAGING + '/days.arrows', os.O_CREAT | os.O_WRONLY), 4 << 28)"
    field.attack(text)
    refused(field, "days.arrows", why="'days.arrows' is larger than 4 bytes")
