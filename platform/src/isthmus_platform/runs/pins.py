"""The pins of a run: its params, its interval, and one version of each input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from isthmus_contracts import Interval, ParamValue
from isthmus_contracts.codec import serialize
from isthmus_platform.lake.documents import parse_document
from isthmus_platform.lake.pins import Pin


@dataclass(frozen=True, slots=True)
class Pins:
    """Hold what the first task of a run resolved, and every later task reads.

    `deployment` is the SHA-256 of the deployment file with which that task ran. Each attempt of the
    task draws an `id`, so that what was computed from other pins is noticed.
    """

    params: Mapping[str, ParamValue]
    inputs: Mapping[str, Pin]
    interval: Interval | None = None
    deployment: str | None = None
    id: str = ""


def read_pins_document(path: Path) -> Pins:
    """Return the pins that a run has recorded, or raise `LakeError` if the file holds others."""
    return parse_document(Pins, path.read_bytes(), str(path))


def pins_document(pins: Pins) -> str:
    """Return the pins as JSON text."""
    return json.dumps(serialize(pins), indent=2) + "\n"
