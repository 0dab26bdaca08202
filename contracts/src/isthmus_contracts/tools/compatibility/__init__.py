"""Compare two catalogs: name each difference, say whom it breaks, demand the right version."""

from __future__ import annotations

from isthmus_contracts.tools.compatibility.catalogs import compare
from isthmus_contracts.tools.compatibility.differences import Difference
from isthmus_contracts.tools.compatibility.rules import (
    DEFAULT_LEVEL,
    LEVELS,
    RULES,
    Effect,
    Level,
    Rule,
    Side,
)
from isthmus_contracts.tools.compatibility.versions import (
    Consumer,
    Step,
    VersionCheck,
    version_checks,
)

__all__ = [
    "DEFAULT_LEVEL",
    "LEVELS",
    "RULES",
    "Consumer",
    "Difference",
    "Effect",
    "Level",
    "Rule",
    "Side",
    "Step",
    "VersionCheck",
    "compare",
    "version_checks",
]
