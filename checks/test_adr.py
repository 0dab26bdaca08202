"""The decision records are whole: numbered without a gap, dated, and each says what violates it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / "docs" / "adr").iterdir())
ENDING = "A change violates this decision when it "
LONGEST_PAGE = 60
# `superseded by 12` names the record that took the place of this one.
STATUS = re.compile(r"Status: (proposed|accepted|superseded by (\d+)) · (\d{4}-\d\d-\d\d)")


def test_numbers_have_no_gap() -> None:
    numbers = [int(path.name.split("-")[0]) for path in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers, "docs/adr holds no record"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.stem))
def test_a_record_says_what_violates_it(record: Path) -> None:
    paragraphs = record.read_text(encoding="utf-8").strip().split("\n\n")
    assert paragraphs[-1].startswith(ENDING), f"{record.name} does not end with {ENDING!r}"
    assert paragraphs[-1].endswith(".")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.stem))
def test_a_record_is_a_page_under_its_number(record: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", record.name)
    lines = record.read_text(encoding="utf-8").splitlines()
    assert re.match(rf"# {int(record.name[:4])}\. \S", lines[0])
    assert len(lines) <= LONGEST_PAGE


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.stem))
def test_a_record_has_a_status_and_a_date(record: Path) -> None:
    line = record.read_text(encoding="utf-8").splitlines()[2]
    status = STATUS.fullmatch(line)
    assert status, f"line 3 of {record.name} is {line!r}, not 'Status: accepted · YYYY-MM-DD'"
    date.fromisoformat(status[3])
    if status[2]:
        assert int(status[2]) in {int(other.name[:4]) for other in RECORDS}


def test_the_architecture_page_links_to_the_records() -> None:
    assert "](docs/adr)" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
