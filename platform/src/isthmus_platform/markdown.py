"""Markdown in which foreign text has no meaning as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ESCAPES = str.maketrans(
    {mark: f"\\{mark}" for mark in r"\`*_[]|~#"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_LIST = re.compile(r"^([0-9]*)([-+.)])")
# Airflow makes links of addresses wherever they stand, also of escaped ones: an invisible character
# takes them apart.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose cells are escaped, or `None.` if it has no rows."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(map(literal, row)) for row in rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."  # noqa: PLR2004 - head and rule


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def literal(text: str) -> str:
    """Return text on one line, escaped and without links, so that Markdown shows it as it is."""
    line = _ADDRESS.sub(_WORD_JOINER, " ".join(text.split())).translate(_ESCAPES)
    return _LIST.sub(r"\1\\\2", line)
