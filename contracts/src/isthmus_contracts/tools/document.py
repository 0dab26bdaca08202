"""The catalog as a JSON document, for reviews and for comparisons with older revisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from typing import Any, TypeAlias, TypeVar

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.codec import deserialize, parse_json
from isthmus_contracts.dataflows import (
    Checkpoint,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Identity,
    Input,
    Metrics,
    Output,
)
from isthmus_contracts.errors import ContractError, DeclarationError, ProtocolError
from isthmus_contracts.params import Param
from isthmus_contracts.tables import Table

FORMAT = 1

T = TypeVar("T")
_Json: TypeAlias = Any  # what json.loads returns, until the codec has checked it
_KINDS: Mapping[str, type[Output]] = {"table": Table, "file": File, "metrics": Metrics}


def catalog_document(catalog: Catalog) -> str:
    """Return the whole catalog as JSON text; the same catalog gives the same text."""
    document = {
        "format": FORMAT,
        "datasets": {dataset.name: _plain(dataset) for dataset in catalog.datasets},
        "dataflows": {str(dataflow.identity): _plain(dataflow) for dataflow in catalog.dataflows},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _plain(declared: object) -> object:
    match declared:
        case Identity() | date():
            return str(declared)
        case Input():
            origin = (
                "source_dataflow" if isinstance(declared.source, Identity) else "source_dataset"
            )
            filter_column = (
                {} if declared.filter_column is None else {"filter_column": declared.filter_column}
            )
            return {"table": declared.name, origin: str(declared.source), **filter_column}
        case DataflowContract():
            outputs = [{"kind": _kind(output), **_fields(output)} for output in declared.outputs]
            return {**_fields(declared), "outputs": outputs}
        case tuple():
            return [_plain(part) for part in declared]
    return _fields(declared) if is_dataclass(declared) else declared


def _fields(declared: object) -> dict[str, object]:
    if not is_dataclass(declared):
        raise TypeError(f"{declared!r} is not a declaration")
    values = {field_.name: getattr(declared, field_.name) for field_ in fields(declared)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, ())}


def _kind(output: object) -> str:
    return type(output).__name__.lower()


# The written form of what a declaration holds otherwise, for the codec. It has no type for an
# entry or an output of any kind, so these are decoded one by one, and their holder is empty.


@dataclass(frozen=True, slots=True)
class _WrittenCatalog:
    format: int
    datasets: Mapping[str, str]
    dataflows: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _WrittenInput:
    table: str
    source_dataset: str | None = None
    source_dataflow: str | None = None
    filter_column: str | None = None


@dataclass(frozen=True, slots=True)
class _WrittenDataflow:
    name: str
    version: str
    owner: str
    description: str
    inputs: tuple[_WrittenInput, ...] = ()
    outputs: tuple[str, ...] = ()
    params: tuple[Param, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    deprecation: Deprecation | None = None


def parse_catalog(text: str) -> Catalog:
    """Return the catalog that `catalog_document` made the text from, be it in an older revision.

    Raise `DeclarationError` naming the place that cannot be understood.
    """
    try:
        return _catalog(text)
    except ProtocolError as error:
        raise DeclarationError(str(error)) from None


def _catalog(text: str) -> Catalog:
    try:
        document = parse_json(text)
    except ValueError as error:
        raise ProtocolError("document", f"no JSON: {error}") from None
    written, entries = _decoded(_WrittenCatalog, document, "document", "datasets", "dataflows")
    if written.format != FORMAT:
        raise ProtocolError("document", f"unknown format {written.format}; known: {FORMAT}")
    datasets: dict[str, Dataset] = {}
    for name, plain in entries["datasets"].items():
        with _at(where := f"datasets.{name}"):
            datasets[name] = _dataset(plain, where)
            _check_entry(name, datasets[name].name)
    dataflows: dict[str, DataflowContract] = {}
    for name, plain in entries["dataflows"].items():
        with _at(where := f"dataflows.{name}"):
            dataflows[name] = _dataflow(plain, where, {**datasets, **dataflows})
            _check_entry(name, str(dataflows[name].identity))
    return Catalog(tuple(datasets.values()), tuple(dataflows.values()))


@contextmanager
def _at(where: str) -> Iterator[None]:
    try:
        yield
    except ProtocolError:  # names its place already
        raise
    except ContractError as error:
        raise ProtocolError(where, str(error)) from None


def _check_entry(name: str, own: str) -> None:
    if name != own:
        raise DeclarationError(f"by its name and version it is {own!r}")


def _dataset(plain: _Json, where: str) -> Dataset:
    if isinstance(plain, dict):
        plain = {"tables": [], **plain}  # a dataset without tables is written without the field
    return _decoded(Dataset, plain, where)[0]


def _dataflow(
    plain: _Json, where: str, offered: Mapping[str, Dataset | DataflowContract]
) -> DataflowContract:
    written, rest = _decoded(_WrittenDataflow, plain, where, "outputs")
    return DataflowContract(
        name=written.name,
        version=written.version,
        owner=written.owner,
        description=written.description,
        inputs=tuple(
            _input(table_input, f"{where}.inputs[{i}]", offered)
            for i, table_input in enumerate(written.inputs)
        ),
        outputs=tuple(
            _output(output, f"{where}.outputs[{i}]")
            for i, output in enumerate(rest.get("outputs", ()))
        ),
        params=written.params,
        checkpoints=written.checkpoints,
        deprecation=written.deprecation,
    )


def _input(
    written: _WrittenInput, where: str, offered: Mapping[str, Dataset | DataflowContract]
) -> Input:
    origins = [
        source for source in (written.source_dataset, written.source_dataflow) if source is not None
    ]
    if len(origins) != 1:
        raise ProtocolError(where, "expected one of 'source_dataset' and 'source_dataflow'")
    origin = offered.get(origins[0])
    # A dataset's name has no dot and an identity has one, so neither is taken for the other.
    if origin is None or isinstance(origin, Dataset) is (written.source_dataset is None):
        raise ProtocolError(where, f"nothing listed before it is called {origins[0]!r}")
    with _at(where):
        return origin.input(written.table, written.filter_column)


def _output(plain: _Json, where: str) -> Output:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        known = ", ".join(repr(kind) for kind in _KINDS)
        raise ProtocolError(where, f"expected an object whose 'kind' is one of {known}")
    rest = {name: value for name, value in plain.items() if name != "kind"}
    with _at(where):
        return _decoded(_KINDS[kind], rest, where)[0]


def _decoded(cls: type[T], plain: _Json, where: str, *apart: str) -> tuple[T, dict[str, _Json]]:
    """Return what the codec makes of `plain`, and the lists and objects that it gets empty."""
    rest: dict[str, _Json] = {}
    if isinstance(plain, dict):
        rest = {name: plain[name] for name in apart if isinstance(plain.get(name), dict | list)}
        plain = {**plain, **{name: type(value)() for name, value in rest.items()}}
    decoded: T = _exact(deserialize(cls, plain, where), plain)
    return decoded, rest


def _exact(decoded: object, plain: _Json) -> _Json:
    """Return `decoded` with its whole numbers: the codec's floats lose digits of an int64."""
    if isinstance(decoded, float):
        return plain
    if isinstance(decoded, tuple):
        return tuple(_exact(part, other) for part, other in zip(decoded, plain, strict=True))
    if is_dataclass(decoded) and not isinstance(decoded, type):
        given = {name: _exact(getattr(decoded, name), value) for name, value in plain.items()}
        return replace(decoded, **given)
    return decoded
