"""CODEOWNERS says what was agreed: which team owns which path.

`python checks/owners.py [ROOT]` prints a sentence for each place where it does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

from codeowners import CodeOwners
from repository import ROOT, files
from teams import BOTH, DATAFLOWS, ORGANISATION, dataflow_owners, expected, team_of

# The host reads only one of these, and not the one at the root first.
ELSEWHERE = (".github/CODEOWNERS", "docs/CODEOWNERS")
UNREADABLE = "![]"


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of CODEOWNERS."""

    number: int
    pattern: str
    teams: tuple[str, ...]

    def __str__(self) -> str:
        return f"CODEOWNERS line {self.number}, {self.pattern},"


def complaints(root: Path) -> list[str]:
    """Return a sentence for each place where CODEOWNERS is not what was agreed."""
    file = root / "CODEOWNERS"
    if not file.is_file():
        return [f"there is no CODEOWNERS in {root}"]
    text = file.read_text(encoding="utf-8")
    lines = _parsed(text)
    wrong = [*_written(lines), *_in_force(root)]
    try:
        owners = dataflow_owners((root / "contracts" / "catalog.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [*wrong, f"contracts/catalog.json names no owners: {error}"]
    paths = [path.as_posix() for path in files(root)]
    wrong += _contracts(owners, paths)
    if any(sign in line.pattern for line in lines for sign in UNREADABLE):
        return wrong  # the parser would misread such a line
    return [*wrong, *_matched(text, lines, paths, owners)]


def _parsed(text: str) -> list[Line]:
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]
    return [
        Line(number, pattern, tuple(teams))
        for number, (pattern, *teams) in ((number, fields) for number, fields in rows if fields)
        if not pattern.startswith("#")
    ]


def _written(lines: list[Line]) -> Iterator[str]:
    """Complain of lines that are wrong whatever they match."""
    if not lines or lines[0].pattern != "*":
        yield "CODEOWNERS does not begin with a line for *, so that a new path has no owner"
    for line in lines:
        for sign in UNREADABLE:
            if sign in line.pattern:
                yield f"{line} has {sign!r}, with which a pattern silently matches nothing"
        if line.pattern != "*" and not line.pattern.startswith("/"):
            yield f"{line} has no leading '/', so that it matches in every folder"
        if not line.teams:
            yield f"{line} names no team, so that its paths have no owner"
        for team in line.teams:
            if team not in BOTH:
                yield f"{line} names {team!r}; known: {', '.join(map(repr, BOTH))}"


def _in_force(root: Path) -> Iterator[str]:
    for path in ELSEWHERE:
        if (root / path).exists():
            yield f"{path} may take the place of CODEOWNERS at the root; remove it"


def _contracts(owners: dict[str, str], paths: list[str]) -> Iterator[str]:
    for package, owner in owners.items():
        if team_of(owner) not in BOTH:
            known = ", ".join(repr(team.removeprefix(ORGANISATION)) for team in BOTH)
            yield f"the contract of {package!r} names owner {owner!r}; known: {known}"
        if not any(path.startswith(f"{DATAFLOWS}{package}/") for path in paths):
            yield f"the contract of {package!r} has no dataflow in {DATAFLOWS}{package}"


def _matched(
    text: str, lines: list[Line], paths: list[str], owners: dict[str, str]
) -> Iterator[str]:
    """Complain of what the lines match, and of what they do not."""
    parser = CodeOwners(text)
    matches = {path: [number for _, number, _, _ in parser.matching_lines(path)] for path in paths}
    used = {number for numbers in matches.values() for number in numbers}
    for line in lines:
        if line.number not in used and line.pattern != "*":
            yield f"{line} matches no path; remove it, or fix it"
    by_number = {line.number: line for line in lines}
    taken: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for path, numbers in matches.items():
        agreed = expected(path, owners)
        if not numbers:
            yield f"{path} has no owner"
        elif tuple(sorted(by_number[numbers[0]].teams)) != agreed:
            taken.setdefault((numbers[0], agreed), []).append(path)
    for (number, agreed), several in taken.items():
        more = f" and {len(several) - 1} more" if several[1:] else ""
        line = by_number[number]
        given = " or ".join(line.teams) or "nobody"
        yield f"{line} gives {several[0]}{more} to {given}; agreed: {' or '.join(agreed)}"


def main(arguments: list[str]) -> int:
    """Print the problems of a repository; return 0 for none, 1 for some, 2 if it is not one."""
    root = Path(arguments[0]) if arguments else ROOT
    try:
        wrong = complaints(root)
    except (CalledProcessError, FileNotFoundError):
        sys.stderr.write(f"{root} is not a git repository\n")
        return 2
    sys.stdout.writelines(f"{problem}\n" for problem in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
