"""The catalog as a JSON document, for reviews and for comparisons with older revisions."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import Dataflow, Identity, Input

FORMAT = 1


def catalog_document(catalog: Catalog) -> str:
    """Return the whole catalog as JSON text; the same catalog gives the same text."""
    document = {
        "format": FORMAT,
        "datasets": {each.name: _plain(each) for each in catalog.datasets},
        "dataflows": {str(each.identity): _plain(each) for each in catalog.dataflows},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _plain(declared: object) -> object:
    match declared:
        case Identity() | date():
            return str(declared)
        case Input(table=table, origin=Identity() as origin):
            return {"table": table.name, "of_dataflow": str(origin)}
        case Input(table=table, origin=origin):
            return {"table": table.name, "of_dataset": origin}
        case Dataflow():
            outputs = [{"kind": _kind(each), **_fields(each)} for each in declared.outputs]
            return {**_fields(declared), "outputs": outputs}
        case tuple():
            return [_plain(each) for each in declared]
    return _fields(declared) if is_dataclass(declared) else declared


def _fields(declared: object) -> dict[str, object]:
    if not is_dataclass(declared):
        raise TypeError(f"{declared!r} is no declaration")
    values = {each.name: getattr(declared, each.name) for each in fields(declared)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, ())}


def _kind(output: object) -> str:
    return type(output).__name__.lower()
