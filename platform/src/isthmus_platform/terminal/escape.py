"""Control characters are written as escapes, so that no text steers a terminal or a log."""

from __future__ import annotations

import re

# Control characters except tab and newline; marks of writing direction; halves of characters.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return the text with each control character written as an escape, such as `\x1b`."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
