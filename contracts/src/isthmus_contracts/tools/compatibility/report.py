"""A comparison of two catalogs, for a person or for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from isthmus_contracts.tools.compatibility.differences import Difference
from isthmus_contracts.tools.compatibility.rules import EFFECTS, Level
from isthmus_contracts.tools.compatibility.versions import VersionCheck

FORMAT = 1
_WIDTH = 100
_BEFORE_GOING = {
    "dataflow": "deprecate it and wait for its last day",
    "dataset": "wait until no dataflow reads it",
}


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what was compared with `base`, and what came out."""

    base: str
    level: Level
    differences: tuple[Difference, ...]
    version_checks: tuple[VersionCheck, ...]

    @property
    def sufficient(self) -> bool:
        """Return whether each contract has taken the step that it owes."""
        return all(version_check.sufficient for version_check in self.version_checks)


def json_report(report: Report) -> str:
    """Return the report as JSON text."""
    document = {
        "format": FORMAT,
        "base": report.base,
        "level": report.level,
        "sufficient": report.sufficient,
        "differences": [
            {**asdict(difference), "class": difference.classified(report.level)}
            for difference in report.differences
        ],
        "version_checks": [
            {**asdict(version_check), "required_version": version_check.required_version}
            for version_check in report.version_checks
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def text_report(report: Report) -> str:
    """Return the report as lines of at most 100 printable characters."""
    lines = [
        line for version_check in report.version_checks for line in _section(version_check, report)
    ]
    owing = [
        version_check.subject
        for version_check in report.version_checks
        if not version_check.sufficient
    ]
    if not report.version_checks:
        lines.append(f"no difference from {report.base}")
    elif owing:
        lines.append(f"still to do: {', '.join(owing)}")
    else:
        lines.append("every version is as it should be")
    return "".join(f"{_line(line)}\n" for line in lines)


def _section(version_check: VersionCheck, report: Report) -> Iterator[str]:
    own = [
        difference
        for difference in report.differences
        if difference.subject == version_check.subject
    ]
    effects = {difference.classified(report.level) for difference in own}
    yield f"{version_check.subject} ({version_check.owner})"
    rows = [
        (difference.classified(report.level), difference.rule, difference.place)
        for difference in own
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, difference in zip(rows, own, strict=True):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        head = f"  {'  '.join(cells)}  "
        yield head + _change(difference.before, difference.after, _WIDTH - len(head))
    worst = next((effect for effect in EFFECTS if effect in effects), "no difference")
    yield f"  {_conclusion(version_check, worst)}"
    for reader in dict.fromkeys(
        (consumer.dataflow, consumer.owner) for consumer in version_check.consumers
    ):
        tables = [
            consumer.table
            for consumer in version_check.consumers
            if (consumer.dataflow, consumer.owner) == reader
        ]
        yield f"  read by {reader[0]} ({reader[1]}): {', '.join(tables)}"
    yield ""


def _change(before: str | None, after: str | None, width: int) -> str:
    if after is None:
        return "" if before is None else f"was {before}"
    if before is None:
        return f"now {after}"
    if len(f"{before} -> {after}") > width:
        half = (width - len(" -> ")) // 2
        before, after = _cut(before, half), _cut(after, half)
    return f"{before} -> {after}"


def _conclusion(version_check: VersionCheck, worst: str) -> str:
    kind, identity = version_check.subject.split(" ")
    name = identity.split(".")[0]
    if version_check.before is None:
        return f"{name} {version_check.after}: new"
    if version_check.after is None:
        so = "" if version_check.sufficient else f", so {_BEFORE_GOING[kind]}"
        return f"{name} {version_check.before} -> gone: {worst}{so}"
    so = "" if version_check.sufficient else f", so {version_check.required_version} is required"
    return f"{name} {version_check.before} -> {version_check.after}: {worst}{so}"


def _line(text: str) -> str:
    """Return one printable line: a description or a revision is what anybody wrote."""
    return _cut(
        "".join(character if character.isprintable() else " " for character in text).rstrip(),
        _WIDTH,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."
