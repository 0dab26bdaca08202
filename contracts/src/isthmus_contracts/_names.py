"""The rule that every declared name follows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from isthmus_contracts.errors import DeclarationError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_name(kind: str, name: str) -> None:
    """Raise `DeclarationError` unless `name` fits in a DAG id, a folder and a function's name."""
    if not _NAME.fullmatch(name):
        raise DeclarationError(
            f"{kind} is named {name!r}; a name has 1 to 63 lower-case letters, digits and "
            "underscores and starts with a letter"
        )


def check_unique(kind: str, names: Iterable[str]) -> None:
    """Raise `DeclarationError` if a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DeclarationError(f"{kind} {name!r} is declared twice")
        seen.add(name)
