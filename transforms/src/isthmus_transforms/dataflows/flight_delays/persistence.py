"""The trained model as a file."""

from __future__ import annotations

import json
from io import BytesIO
from zipfile import ZipFile, ZipInfo

import skops.io
from sklearn.pipeline import Pipeline

SCHEMA = "schema.json"


def delay_model(trained_model: Pipeline) -> bytes:
    """Trained model in skops' format, which holds no code; the same model gives the same bytes."""
    return _stable(skops.io.dumps(trained_model))


def _stable(saved: bytes) -> bytes:
    """Replace what skops takes from the moment: memory addresses as names, and the time."""
    with ZipFile(BytesIO(saved)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop(SCHEMA))
    numbers: dict[str, int] = {}
    _number(schema, numbers)
    renamed = {_renumbered(name, numbers): content for name, content in contents.items()}
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr(ZipInfo(SCHEMA), json.dumps(schema, indent=2))
        for name in sorted(renamed):
            archive.writestr(ZipInfo(name), renamed[name])
    return buffer.getvalue()


def _number(part: object, numbers: dict[str, int]) -> None:
    """Give the objects of a schema numbers in the order in which they appear in it."""
    if isinstance(part, list):
        for item in part:
            _number(item, numbers)
    if isinstance(part, dict):
        if "__id__" in part:
            # Which plain values are one object in memory is chance: a copy of a model has others.
            address = len(numbers) if part.get("__loader__") == "JsonNode" else part["__id__"]
            part["__id__"] = numbers.setdefault(str(address), len(numbers))
        if isinstance(part.get("file"), str):
            part["file"] = _renumbered(part["file"], numbers)
        for item in part.values():
            _number(item, numbers)


def _renumbered(name: str, numbers: dict[str, int]) -> str:
    address, dot, suffix = name.partition(".")
    return f"{numbers.setdefault(address, len(numbers))}{dot}{suffix}"
