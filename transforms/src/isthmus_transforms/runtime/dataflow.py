"""A dataflow: a contract, the functions that implement it, and ways to compute with them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pandas as pd
from hamilton.graph import FunctionGraph

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Input, Interval, UnknownNameError, resolve_params
from isthmus_contracts.formatting import counted
from isthmus_contracts.protocol import CheckFinished, EngineProfile, Event, Graph
from isthmus_transforms.errors import DefinitionError, InputError, OverrideError
from isthmus_transforms.runtime.checkpoints.store import open_store
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.frames.digests import (
    digest_of_frame,
    digest_of_input,
    digest_of_value,
)
from isthmus_transforms.runtime.frames.inputs import LazyInput, read_input
from isthmus_transforms.runtime.frames.partitions import rows_within
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.definition import check_functions
from isthmus_transforms.runtime.graph.steps import ordered_nodes
from isthmus_transforms.runtime.plan import Plan, stage_outputs

_LOG = logging.getLogger(__name__)


def _log_failed_checks(event: Event) -> None:
    """Log a check that failed, and ignore other events."""
    if isinstance(event, CheckFinished) and not event.result.passed:
        _LOG.warning("%s: %s (%s)", event.subject, event.result.message, event.result.check)


@dataclass(frozen=True, slots=True, repr=False)
class Dataflow:
    """Tie functions to the contract that they implement.

    Each input, param and output of the contract is the node of that name; `checkpoints` maps each
    checkpoint of the contract to a node. With `masked_types`, functions get a nullable int64 column
    as `Int64` instead of `float64`.
    """

    contract: Contract
    modules: tuple[ModuleType, ...]
    checkpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    masked_types: bool = False

    def __post_init__(self) -> None:
        declared = [checkpoint.name for checkpoint in self.contract.checkpoints]
        if sorted(declared) != sorted(self.checkpoints):
            raise DefinitionError(
                f"dataflow {self.contract.name!r} maps the checkpoints {sorted(self.checkpoints)} "
                f"to nodes; its contract declares {sorted(declared)}"
            )

    def __repr__(self) -> str:
        contract = self.contract
        parts = (
            counted(len(contract.inputs), "input"),
            counted(len(contract.params), "param"),
            counted(len(contract.outputs), "output"),
        )
        return f"<Dataflow {contract.identity} {contract.version}: {', '.join(parts)}>"

    @property
    def targets(self) -> Mapping[str, str]:
        """Return the node of every output and checkpoint."""
        return {output.name: output.name for output in self.contract.outputs} | dict(
            self.checkpoints
        )

    def target_nodes(self, names: Iterable[str]) -> dict[str, str]:
        """Return the nodes of these targets, or raise `UnknownNameError`."""
        for name in names:
            if name not in self.targets:
                raise UnknownNameError("target", name, self.targets)
        return {name: self.targets[name] for name in names}

    def describe(
        self, params: Mapping[str, object] | None = None, targets: str | Iterable[str] | None = None
    ) -> Graph:
        """Return the nodes that these targets need, by default all outputs, with these params."""
        names = [output.name for output in self.contract.outputs] if targets is None else targets
        return self.plan(list(self.target_nodes(_listed(names))), params).describe()

    def read_inputs(
        self,
        folder: Path | str,
        names: str | Iterable[str] | None = None,
        interval: Interval | None = None,
        on_event: Listener = _log_failed_checks,
    ) -> dict[str, pd.DataFrame]:
        """Return the inputs in a folder exactly as the functions of a run get them.

        The folder has an `<input>.parquet` for each input that is read: those called `names`, by
        default all. With an interval, only the rows in it of an input that has a `filter_column`
        are read. Without `on_event`, failed checks are logged as warnings.

        Raise `UnknownNameError` for a name that is not an input, `IntervalError` for an interval of
        partial partitions, `InputError` for a file that is missing or breaks the contract.
        """
        if interval is not None:
            self.contract.check_interval(interval)
        declared = [declared.name for declared in self.contract.inputs]
        chosen = declared if names is None else _listed(names)
        opened = {
            name: self.open_input(name, [Path(folder) / f"{name}.parquet"], interval)
            for name in chosen
        }
        return {name: lazy_input.read(on_event) for name, lazy_input in opened.items()}

    def open_input(
        self, name: str, files: Sequence[Path], interval: Interval | None = None
    ) -> LazyInput:
        """Return an input that is read from its files when it is needed.

        Raise `UnknownNameError` for a name that is not an input.
        """
        inputs = {declared.name: declared for declared in self.contract.inputs}
        if name not in inputs:
            raise UnknownNameError("input", name, inputs)
        given = (inputs[name], files, interval)
        return LazyInput(
            partial(read_input, *given, masked_types=self.masked_types),
            partial(digest_of_input, *given, masked_types=self.masked_types),
        )

    def compute(  # noqa: PLR0913, PLR0917 - called in notebooks; all but one have defaults
        self,
        targets: str | Sequence[str],
        inputs: Mapping[str, pd.DataFrame] | None = None,
        params: Mapping[str, object] | None = None,
        on_event: Listener = _log_failed_checks,
        interval: Interval | None = None,
        engine: str | EngineProfile = "sequential",
        checkpoints: Path | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> Any:  # noqa: ANN401 - a function may return anything
        """Return the value of one target, or a dict with the value of each of several.

        A target is an output, a checkpoint or any node. `inputs` holds the frames that the targets
        need, as `read_inputs` returns them. With an interval, functions get only the rows in it of
        an input that has a `filter_column`. Rows of a partitioned output outside the interval are
        returned here, and would not be staged. `engine` says where functions run: `sequential`,
        `threads` or `processes`. `checkpoints` is a directory: results of earlier runs in it are
        reused, and results of this run are saved in it where that is worthwhile. `overrides` are
        values that take the place of the results of these nodes: the nodes do not run, nor what
        only they need.

        Frames are not checked against the contract; only what is read from files is. Without
        `on_event`, failed checks of functions are logged as warnings.

        Raise `UnknownNameError` for an unknown name, `ParamError` for a value that is not allowed,
        `IntervalError` for an interval of partial partitions, `InputError` for a missing input,
        `OverrideError` for a value that cannot be a node's, `EngineError` for an engine that cannot
        be used, `NodeError` for a function that raised.
        """
        frames, names = inputs or {}, _listed(targets)
        values = {self.targets.get(name, name): value for name, value in (overrides or {}).items()}
        plan = self.plan(names, params, interval, overridden=values)
        self._check_inputs(frames)
        _check_types(plan, values)
        given = {
            declared.name: _lazy_input(declared, frames[declared.name], interval)
            for declared in self.contract.inputs
            if declared.name in frames
        }
        given |= {name: _lazy_value(value) for name, value in values.items()}
        profile = EngineProfile(engine, {}) if isinstance(engine, str) else engine
        store = None if checkpoints is None else open_store(checkpoints)
        computed = plan.compute(given, on_event, profile, store)
        return computed[targets] if isinstance(targets, str) else computed

    def plan(
        self,
        targets: Sequence[str],
        params: Mapping[str, object] | None = None,
        interval: Interval | None = None,
        stop_at: str | None = None,
        overridden: Collection[str] = (),
    ) -> Plan:
        """Return what a run computes for these targets; raise as `compute` does.

        Nodes that are `overridden` are given, as inputs and params are.

        With `stop_at`, the plan is the stage that computes this checkpoint or output as far as the
        targets need it; with params that leave it out, the plan is empty. Raise `UnknownNameError`
        if the contract has no such checkpoint or output.
        """
        resolved = resolve_params(self.contract.params, params or {})
        if interval is not None:
            self.contract.check_interval(interval)
        inputs = [declared.name for declared in self.contract.inputs]
        graph = build_graph(self.modules, resolved, inputs)
        chosen = {name: self.targets.get(name, name) for name in targets}
        self._check_nodes(graph, chosen.values())
        self._check_overridden(graph, overridden)
        given = {*inputs, *resolved, *overridden}
        nodes = ordered_nodes(graph, chosen.values(), given)
        check_functions(self.contract, graph, [nodes[name] for name in nodes if name not in given])
        checkpoints = self.checkpoints.values()
        plan = Plan(self.contract, self.modules, graph, chosen, resolved, nodes, checkpoints)
        if stop_at is None:
            return plan
        boundary = self.target_nodes([stop_at])
        stage = ordered_nodes(graph, graph.nodes.keys() & boundary.values(), given)
        if not stage:
            _LOG.warning("no function computes %r with these params: the stage is empty", stop_at)
        outputs = stage_outputs(plan, stage, boundary[stop_at])
        return replace(plan, targets=boundary, nodes=stage, is_stage=True, stage_outputs=outputs)

    def _check_inputs(self, inputs: Mapping[str, object]) -> None:
        known = [declared.name for declared in self.contract.inputs]
        for name, value in inputs.items():
            if name not in known:
                raise UnknownNameError("input", name, known)
            if not isinstance(value, pd.DataFrame):
                raise InputError(name, f"expected a DataFrame, got {type(value).__name__}")

    def _check_overridden(self, graph: FunctionGraph, names: Iterable[str]) -> None:
        functions = [node for node in graph.nodes if not graph.nodes[node].user_defined]
        inputs = [declared.name for declared in self.contract.inputs]
        params = [param.name for param in self.contract.params]
        for name in names:
            if name in inputs:
                raise OverrideError(name, "it is an input; give it in `inputs`")
            if name in params:
                raise OverrideError(name, "it is a param; give it in `params`")
            if name not in functions:
                raise UnknownNameError("node", name, functions)

    def _check_nodes(self, graph: FunctionGraph, nodes: Iterable[str]) -> None:
        functions = [node for node in graph.nodes if not graph.nodes[node].user_defined]
        for name in nodes:
            if name in functions:
                continue
            if name in self.targets.values():
                raise DefinitionError(
                    f"dataflow {self.contract.name!r} declares {name!r}, "
                    "but none of its functions computes it"
                )
            raise UnknownNameError("node", name, functions)


def _lazy_input(declared: Input, frame: pd.DataFrame, interval: Interval | None) -> LazyInput:
    def read() -> pd.DataFrame:
        return rows_within(declared, frame, interval)

    return LazyInput(lambda _on_event: read(), lambda: digest_of_frame(read()))


def _lazy_value(value: object) -> LazyInput:
    return LazyInput(lambda _on_event: value, partial(digest_of_value, value))


def _check_types(plan: Plan, overrides: Mapping[str, object]) -> None:
    """Raise `OverrideError` for a value of another class than the node's; generics are not judged.

    An int may stand for a float.
    """
    for name, value in overrides.items():
        kind = plan.graph.nodes[name].type
        if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
            continue
        if not isinstance(value, (kind, int) if kind is float else kind):
            raise OverrideError(
                name, f"it is a {type(value).__name__}; the function returns a {kind.__name__}"
            )


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
