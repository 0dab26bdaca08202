"""What one run reads: its params, and a version of each input, the same for all its tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from isthmus_contracts import ParamValue
from isthmus_contracts.codec import to_plain
from isthmus_platform.lake.pins import Pin


@dataclass(frozen=True, slots=True)
class Pins:
    """Hold what the first task of a run resolved."""

    params: Mapping[str, ParamValue]
    inputs: Mapping[str, Pin]


def pins_document(pins: Pins) -> str:
    """Return the pins as JSON text."""
    return json.dumps(to_plain(pins), indent=2) + "\n"
