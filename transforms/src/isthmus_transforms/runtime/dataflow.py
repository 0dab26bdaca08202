"""A dataflow: a contract, the functions that implement it, and ways to compute with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType

import pandas as pd
from hamilton.graph import FunctionGraph

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Input, Interval, UnknownNameError, resolve_params
from isthmus_contracts.protocol import CheckFinished, EngineProfile, Event, Graph
from isthmus_transforms.errors import DefinitionError, InputError
from isthmus_transforms.runtime.checkpoints.store import open_store
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.frames.digests import digest_of_frame
from isthmus_transforms.runtime.frames.inputs import LazyInput
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


@dataclass(frozen=True, slots=True)
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
        self, params: Mapping[str, object] | None = None, targets: Iterable[str] | None = None
    ) -> Graph:
        """Return the nodes that these targets need, by default all outputs, with these params."""
        names = [output.name for output in self.contract.outputs] if targets is None else targets
        return self.plan(list(self.target_nodes(names)), params).describe()

    def compute(  # noqa: PLR0913, PLR0917 - called in notebooks; all but two have defaults
        self,
        targets: Sequence[str],
        inputs: Mapping[str, pd.DataFrame],
        params: Mapping[str, object] | None = None,
        on_event: Listener = _log_failed_checks,
        interval: Interval | None = None,
        engine: str | EngineProfile = "sequential",
        checkpoints: Path | None = None,
    ) -> dict[str, object]:
        """Return the value of each target: an output, a checkpoint or any node.

        `inputs` holds the frames that the targets need. With an interval, functions get only the
        rows in it of an input that has a `filter_column`. Rows of a partitioned output outside the
        interval are returned here, and would not be staged. `engine` says where functions run:
        `sequential`, `threads` or `processes`. `checkpoints` is a directory: results of earlier
        runs in it are reused, and results of this run are saved in it where that is worthwhile.

        Frames are not checked against the contract; only what is read from files is. Without
        `on_event`, failed checks of functions are logged as warnings.

        Raise `UnknownNameError` for an unknown name, `ParamError` for a value that is not allowed,
        `IntervalError` for an interval of partial partitions, `InputError` for a missing input,
        `EngineError` for an engine that cannot be used, `NodeError` for a function that raised.
        """
        plan = self.plan(targets, params, interval)
        self._check_inputs(inputs)
        profile = EngineProfile(engine, {}) if isinstance(engine, str) else engine
        return plan.compute(
            {
                declared.name: _lazy_input(declared, inputs[declared.name], interval)
                for declared in self.contract.inputs
                if declared.name in inputs
            },
            on_event,
            profile,
            None if checkpoints is None else open_store(checkpoints),
        )

    def plan(
        self,
        targets: Sequence[str],
        params: Mapping[str, object] | None = None,
        interval: Interval | None = None,
        stop_at: str | None = None,
    ) -> Plan:
        """Return what a run computes for these targets; raise as `compute` does.

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
        given = {*inputs, *resolved}
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
