"""A dataflow: a contract, the functions that keep it, and ways to compute with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType

import pandas as pd
from hamilton.graph import FunctionGraph

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Input, Interval, ParamValue, UnknownNameError, resolve_params
from isthmus_contracts.protocol import CheckFinished, EngineProfile, Event, Graph
from isthmus_transforms.errors import DefinitionError, InputError
from isthmus_transforms.runtime.checkpoints import digest_of_frame
from isthmus_transforms.runtime.checkpoints.planning import CheckpointConfig, LazyInput
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.frames.partitions import rows_within
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import ordered_nodes
from isthmus_transforms.runtime.plan import Plan, stage_outputs

_LOG = logging.getLogger(__name__)


def _warn(event: Event) -> None:
    """Log what breaks a check, and hear nothing else."""
    if isinstance(event, CheckFinished) and not event.result.passed:
        _LOG.warning("%s: %s (%s)", event.subject, event.result.message, event.result.check)


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Tie functions to the contract that they keep.

    An input, a param and an output is the node of the same name; `checkpoints` maps each checkpoint
    of the contract to the node that it stands for today.
    """

    contract: Contract
    modules: tuple[ModuleType, ...]
    checkpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        offered = [checkpoint.name for checkpoint in self.contract.checkpoints]
        if sorted(offered) != sorted(self.checkpoints):
            raise DefinitionError(
                f"dataflow {self.contract.name!r} ties the checkpoints {sorted(self.checkpoints)}, "
                f"its contract offers {sorted(offered)}"
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

    def compute(  # noqa: PLR0913, PLR0917 - a notebook's call, and all but two have defaults
        self,
        targets: Sequence[str],
        inputs: Mapping[str, pd.DataFrame],
        params: Mapping[str, object] | None = None,
        on_event: Listener = _warn,
        interval: Interval | None = None,
        engine: str | EngineProfile = "sequential",
        checkpoints: Path | None = None,
    ) -> dict[str, object]:
        """Return the value of each target: an output, a checkpoint or any node.

        `inputs` holds the tables that the targets need; of those that the contract reads `within` a
        column, functions see the rows of the interval, if there is one. Of a partitioned output
        they may compute more than its partitions: that is returned here, and not staged. `engine`
        says on what functions run: `sequential`, `threads` or `processes`. In the directory
        `checkpoints` lie results of earlier runs, which take the place of computing them again, and
        this run's are kept there as far as that is worth while.

        Frames are taken as they are: only what is read from files is checked against the contract.
        Without a listener, the log tells of checks of functions that warn.

        Raise `UnknownNameError` for a name that is not known, `ParamError` for a value that is not
        allowed, `IntervalError` for an interval that does not fit, `InputError` for an input that
        is missing, `EngineError` for an engine that cannot be had, `NodeError` for a function that
        raised.
        """
        plan = self.plan(targets, params, interval)
        self._check_inputs(inputs)
        profile = EngineProfile(engine, {}) if isinstance(engine, str) else engine
        return plan.compute(
            {
                declared.name: _reading(declared, inputs[declared.name], interval)
                for declared in self.contract.inputs
                if declared.name in inputs
            },
            on_event,
            profile,
            None if checkpoints is None else CheckpointConfig(checkpoints),
        )

    def plan(
        self,
        targets: Sequence[str],
        params: Mapping[str, object] | None = None,
        interval: Interval | None = None,
        stop_at: str | None = None,
    ) -> Plan:
        """Return what a run computes for these targets; raise as `compute` does.

        With `stop_at`, a checkpoint or output, it is the stage that computes that for the targets;
        it is empty where these params leave the cut out. Raise `UnknownNameError` for a cut that
        the contract does not offer.
        """
        resolved = resolve_params(self.contract.params, params or {})
        if interval is not None:
            self.contract.check_interval(interval)
        graph = self._graph(resolved)
        chosen = {name: self.targets.get(name, name) for name in targets}
        self._check_nodes(graph, chosen.values())
        given = {declared.name for declared in self.contract.inputs} | resolved.keys()
        nodes = ordered_nodes(graph, chosen.values(), given)
        declared = self.checkpoints.values()
        plan = Plan(self.contract, self.modules, graph, chosen, resolved, nodes, declared)
        if stop_at is None:
            return plan
        cut = self.target_nodes([stop_at])
        stage = ordered_nodes(graph, graph.nodes.keys() & cut.values(), given)
        if not stage:
            _LOG.warning("with these params, no function computes %r: nothing is done", stop_at)
        found = stage_outputs(plan, stage, cut[stop_at])
        return replace(plan, targets=cut, nodes=stage, is_stage=True, stage_outputs=found)

    def _graph(self, params: Mapping[str, ParamValue]) -> FunctionGraph:
        graph = build_graph(self.modules, params)
        for name in (*(declared.name for declared in self.contract.inputs), *params):
            if name in graph.nodes and not graph.nodes[name].user_defined:
                raise DefinitionError(
                    f"a function of dataflow {self.contract.name!r} has the name of its input or "
                    f"param {name!r}, so it would never run; give it another name"
                )
        return graph

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
                    f"dataflow {self.contract.name!r} promises {name!r}, "
                    "which none of its functions computes"
                )
            raise UnknownNameError("node", name, functions)


def _reading(contract: Input, frame: pd.DataFrame, interval: Interval | None) -> LazyInput:
    def read() -> pd.DataFrame:
        return rows_within(contract, frame, interval)

    return LazyInput(lambda _listen: read(), lambda: digest_of_frame(read()))
