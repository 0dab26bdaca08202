"""The differences between two catalogs, whom each breaks, and the versions that they require.

- `catalogs`, `dataflows`, `tables`, `ranges`: what is compared, from the whole to its parts.
- `differences`: one difference, and where it is.
- `rules`: every kind of difference, and what it does to whom.
- `versions`: the step of a version that differences require.
- `revisions`: reading an older catalog; `report`: a comparison as text or JSON.
"""

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
