"""The page on faults has a line for each case that is tested on a real Airflow."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_names_the_cases_that_are_tested() -> None:
    tests = (ROOT / "integration" / "test_no_false_green.py").read_text()
    cases = re.findall(r"^def test_(\w+)\(case", tests, re.MULTILINE)
    page = (ROOT / "docs" / "faults.md").read_text()
    lines = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)
    assert lines[1:] == [case.replace("_", " ") for case in cases]
    assert len(cases) == 12
