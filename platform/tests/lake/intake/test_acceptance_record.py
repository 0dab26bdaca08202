"""Publication believes only what acceptance recorded for the same run and dataflow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.errors import LakeUnavailableError, PublicationError
from isthmus_platform.lake.intake.acceptance_record import check_recorded, record_accepted
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import DiskStore

DAYS, MONTHS = Identity("days", 1), Identity("months", 1)
FILE = AcceptedFile("dataflows/days/v1/tables/days/a.parquet", 10, "a1", rows=2)
SCORES = AcceptedOutput("scores", metrics={"mean": 1.0, "count": 3})
ACCEPTED = Accepted("days.v1", "1.0.0", "code", "run", (AcceptedOutput("days", (FILE,)), SCORES))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(DiskStore(tmp_path))
    record_accepted(lake, DAYS, "run", ACCEPTED)
    return lake


def with_file(**changes: object) -> Accepted:
    file = replace(FILE, **changes)  # type: ignore[arg-type] # each change is of its field's type
    return replace(ACCEPTED, outputs=(AcceptedOutput("days", (file,)), SCORES))


def test_what_was_accepted_is_believed_also_after_it_travelled_as_json(lake: Lake) -> None:
    travelled = deserialize(Accepted, json.loads(json.dumps(serialize(ACCEPTED))), "accepted")
    check_recorded(lake, DAYS, "run", travelled)


def test_a_repetition_records_the_same_once_more(lake: Lake) -> None:
    record_accepted(lake, DAYS, "run", ACCEPTED)
    check_recorded(lake, DAYS, "run", ACCEPTED)


@pytest.mark.parametrize(
    "changed",
    [
        with_file(path="dataflows/months/v1/tables/months/b.parquet"),
        with_file(sha256="b2"),
        with_file(bytes=11),
        with_file(rows=3),
        with_file(partition="2013-01"),
        replace(ACCEPTED, outputs=(AcceptedOutput("scores", metrics={"mean": 2.0}),)),
        replace(ACCEPTED, code_version="another"),
        replace(ACCEPTED, warnings=("none",)),
    ],
    ids=["path", "digest", "size", "rows", "partition", "metrics", "code", "warnings"],
)
def test_what_was_changed_is_refused(lake: Lake, changed: Accepted) -> None:
    with pytest.raises(PublicationError, match="clear the task transform"):
        check_recorded(lake, DAYS, "run", changed)


def test_the_acceptance_of_another_run_is_refused(lake: Lake) -> None:
    with pytest.raises(PublicationError, match="the XCom of run 'another run'"):
        check_recorded(lake, DAYS, "another run", ACCEPTED)


def test_the_acceptance_of_another_dataflow_is_refused(lake: Lake) -> None:
    with pytest.raises(PublicationError, match="months"):
        check_recorded(lake, MONTHS, "run", ACCEPTED)


def test_a_lake_that_does_not_answer_is_no_refusal(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk does not answer")

    monkeypatch.setattr(DiskStore, "find", fail)
    with pytest.raises(LakeUnavailableError):
        check_recorded(lake, DAYS, "run", ACCEPTED)
