"""The pins of a run: its params, its interval, and one version of each input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from isthmus_contracts import Interval, ParamValue
from isthmus_contracts.codec import serialize
from isthmus_platform.lake.pins import Pin


@dataclass(frozen=True, slots=True)
class Pins:
    """Hold what the first task of a run resolved, and every later task reads.

    `deployment` is the SHA-256 of the deployment file with which that task ran.
    """

    params: Mapping[str, ParamValue]
    inputs: Mapping[str, Pin]
    interval: Interval | None = None
    deployment: str | None = None


def pins_document(pins: Pins) -> str:
    """Return the pins as JSON text."""
    return json.dumps(serialize(pins), indent=2) + "\n"
