"""Parts of sentences: counted things, values, numbers and foreign text, as messages write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_VALUE = 60
_MOST_NAMES = 20
# Control characters except tab; marks of writing direction; halves of characters.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "row"), counted(3000, "row")
    ('1 row', '3,000 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shown(value: object) -> str:
    """Return a value for a message: text is quoted, and what is long is cut off.

    >>> shown("a b"), shown(2.5)
    ("'a b'", '2.5')
    """
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def shown_number(value: float) -> str:
    """Return a number with all its digits, and a whole number without a decimal point.

    >>> shown_number(2.0), shown_number(0.1), shown_number(1e300)[:4]
    ('2', '0.1', '1000')
    """
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def printable(text: str) -> str:
    r"""Return a text that adds no line and steers no terminal: controls and newlines are escaped.

    >>> print(printable("\x1b[2Jdelays\npublished release 1"))
    \x1b[2Jdelays\npublished release 1
    """
    return _CONTROLS.sub(_escaped, text)


def printable_lines(text: str) -> str:
    """Return a text with lines of its own, such as a traceback, in which these are printable."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def shortened(text: str, longest: int) -> str:
    r"""Return a text on one line, cut off after `longest` characters.

    >>> shortened("one line\nand another", 11)
    'one line...'
    """
    line = " ".join(text[: 2 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def unknown_name(kind: str, name: str, known: Iterable[str], of: str = "") -> str:
    """Return a sentence about an unknown name: with the closest known name, or with known names.

    >>> unknown_name("dataflow", "fligth_delays", ["flight_delays", "airport_days"])
    "unknown dataflow 'fligth_delays'; did you mean 'flight_delays'?"
    >>> unknown_name("option", "x", ["workers"], of="engine 'threads'")
    "unknown option 'x' of engine 'threads'; known: 'workers'"
    """
    names = list(known)
    subject = f"unknown {kind} {name!r}{of and f' of {of}'}"
    if close := get_close_matches(name, names, n=1):
        return f"{subject}; did you mean {close[0]!r}?"
    listed = ", ".join(map(repr, names[:_MOST_NAMES])) or "none"
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"{subject}; known: {listed}{more}"
