"""What differs between two revisions of a dataflow or a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from isthmus_contracts.dataflows import (
    Checkpoint,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Input,
    Metric,
    Metrics,
    Output,
)
from isthmus_contracts.params import Param, param_text
from isthmus_contracts.tables import Table
from isthmus_contracts.tools.compatibility.differences import (
    Difference,
    Place,
    compare_descriptions,
    compare_optional,
    compare_orders,
)
from isthmus_contracts.tools.compatibility.ranges import compare_allowed, compare_ranges
from isthmus_contracts.tools.compatibility.tables import compare_tables

Named: TypeAlias = Checkpoint | Input | Metric | Output | Param
N = TypeVar("N", bound=Named)


def compare_datasets(old: Dataset, new: Dataset, subject: str) -> Iterator[Difference]:
    """Yield what differs between two revisions of a dataset, its version apart."""
    whole, source = Place(subject, "output"), Place(subject, "input")
    yield from _compare_owners(old, new, whole)
    yield from _compare_members("table", old.tables, new.tables, source)
    yield from compare_orders(_names(old.tables), _names(new.tables), source.inside("tables"))
    for before, after in _both(old.tables, new.tables):
        yield from compare_tables(before, after, source.inside(after.name))


def compare_dataflows(
    old: DataflowContract, new: DataflowContract, subject: str
) -> Iterator[Difference]:
    """Yield what differs between two revisions of a dataflow, its version apart."""
    demanded, offered = Place(subject, "input"), Place(subject, "output")
    yield from _compare_owners(old, new, offered)
    yield from _compare_deprecations(old.deprecation, new.deprecation, offered)
    yield from _compare_inputs(old.inputs, new.inputs, demanded)
    yield from _compare_params(old.params, new.params, demanded)
    yield from _compare_checkpoints(old.checkpoints, new.checkpoints, offered)
    yield from _compare_outputs(old.outputs, new.outputs, offered)


def _compare_owners(
    old: DataflowContract | Dataset, new: DataflowContract | Dataset, at: Place
) -> Iterator[Difference]:
    if old.owner != new.owner:
        yield at.differs("owner-changed", old.owner, new.owner)
    yield from compare_descriptions(old.description, new.description, at)


def _compare_deprecations(
    old: Deprecation | None, new: Deprecation | None, at: Place
) -> Iterator[Difference]:
    if old and new:
        if new.until < old.until:
            yield at.differs("deprecation-brought-forward", old.until, new.until)
        if new.until > old.until:
            yield at.differs("deprecation-postponed", old.until, new.until)
        yield from compare_descriptions(old.replacement, new.replacement, at.inside("deprecation"))
    elif new:
        yield at.differs("deprecated", after=new.until)
    elif old:
        yield at.differs("deprecation-withdrawn", before=old.until)


def _compare_inputs(
    old: tuple[Input, ...], new: tuple[Input, ...], at: Place
) -> Iterator[Difference]:
    yield from _compare_members("input", old, new, at)
    yield from compare_orders(_names(old), _names(new), at.inside("inputs"))
    for before, after in _both(old, new):
        read = at.inside(after.name)
        if before.source != after.source:
            yield read.differs("input-source-changed", before.source, after.source)
        yield from compare_optional(
            "filter-column", before.filter_column, after.filter_column, read
        )


def _compare_params(
    old: tuple[Param, ...], new: tuple[Param, ...], at: Place
) -> Iterator[Difference]:
    yield from _compare_members("param", old, new, at)
    yield from compare_orders(_names(old), _names(new), at.inside("params"))
    for before, after in _both(old, new):
        param = at.inside(after.name)
        if (before.type, before.of) != (after.type, after.of):
            yield param.differs("param-retyped", _type(before), _type(after))
        else:  # values of another type are others anyway
            yield from compare_allowed(before, after, param)
        if before.default != after.default:
            defaults = param_text(before.default), param_text(after.default)
            yield param.differs("param-default-changed", *defaults)
        yield from compare_descriptions(before.description, after.description, param)


def _type(param: Param) -> str:
    return f"{param.type} of {param.of}" if param.of else param.type


def _compare_checkpoints(
    old: tuple[Checkpoint, ...], new: tuple[Checkpoint, ...], at: Place
) -> Iterator[Difference]:
    yield from _compare_members("checkpoint", old, new, at, gone="withdrawn")
    yield from compare_orders(_names(old), _names(new), at.inside("checkpoints"))
    for before, after in _both(old, new):
        yield from compare_descriptions(
            before.description, after.description, at.inside(after.name)
        )


def _compare_outputs(
    old: tuple[Output, ...], new: tuple[Output, ...], at: Place
) -> Iterator[Difference]:
    yield from _compare_members("output", old, new, at)
    yield from compare_orders(_names(old), _names(new), at.inside("outputs"))
    for before, after in _both(old, new):
        output = at.inside(after.name)
        match before, after:
            case Table(), Table():
                yield from compare_tables(before, after, output)
            case Metrics(), Metrics():
                yield from _compare_metrics(before, after, output)
            case File(), File():
                if before.suffix != after.suffix:
                    yield output.differs("file-suffix-changed", before.suffix, after.suffix)
                yield from compare_descriptions(before.description, after.description, output)
            case _:
                yield output.differs("output-kind-changed", _shown(before), _shown(after))


def _compare_metrics(old: Metrics, new: Metrics, at: Place) -> Iterator[Difference]:
    yield from _compare_members("metric", old.metrics, new.metrics, at)
    yield from compare_orders(_names(old.metrics), _names(new.metrics), at)
    for before, after in _both(old.metrics, new.metrics):
        metric = at.inside(after.name)
        if before.nullable != after.nullable:
            rule = "metric-made-nullable" if after.nullable else "metric-made-not-null"
            words = ("nullable" if one.nullable else "not null" for one in (before, after))
            yield metric.differs(rule, *words)
        yield from compare_ranges(before, after, metric, "metric")
        yield from compare_descriptions(before.description, after.description, metric)
    yield from compare_descriptions(old.description, new.description, at)


def _compare_members(
    kind: str, old: Sequence[Named], new: Sequence[Named], at: Place, gone: str = "dropped"
) -> Iterator[Difference]:
    for before_item in old:
        if before_item.name not in _names(new):
            yield at.inside(before_item.name).differs(f"{kind}-{gone}", before=_shown(before_item))
    for declared in new:
        if declared.name not in _names(old):
            yield at.inside(declared.name).differs(f"{kind}-added", after=_shown(declared))


def _both(old: Sequence[N], new: Sequence[N]) -> Iterator[tuple[N, N]]:
    before = {before_item.name: before_item for before_item in old}
    return ((before[declared.name], declared) for declared in new if declared.name in before)


def _names(members: Sequence[Named]) -> tuple[str, ...]:
    return tuple(member.name for member in members)


def _shown(declared: Named) -> str:
    match declared:
        case Input():
            return str(declared.source)
        case Param():
            return declared.allowed
        case Table() | File() | Metrics():
            return type(declared).__name__.lower()
        case Checkpoint() | Metric():
            return declared.description
