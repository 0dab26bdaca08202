"""What one run of a dataflow computes: its graph, its targets, its params."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from hamilton.graph import FunctionGraph
from hamilton.node import DependencyType, Node

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import ParamValue
from isthmus_contracts.protocol import EngineProfile, Event, Graph
from isthmus_transforms.errors import DefinitionError, InputError
from isthmus_transforms.runtime.checkpoints import Checkpoints, fingerprints
from isthmus_transforms.runtime.checkpoints.planning import CheckpointConfig, LazyInput, carry_over
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.engines import Workload, open_engine
from isthmus_transforms.runtime.execution import execute
from isthmus_transforms.runtime.graph.build import describe_graph
from isthmus_transforms.runtime.graph.steps import Step, steps_of

SEQUENTIAL = EngineProfile("sequential", {})


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is to be computed; `targets` maps each asked name to its node.

    `nodes` are all that the targets need of what the contract gives, each after its dependencies;
    `declared` are those that the contract offers as checkpoints. For a stage, `stage_outputs` are
    the nodes whose results the rest of the dataflow needs, which may be none.
    """

    contract: Contract
    modules: tuple[ModuleType, ...]
    graph: FunctionGraph
    targets: Mapping[str, str]
    params: Mapping[str, ParamValue]
    nodes: Mapping[str, Node]
    declared: Collection[str] = ()
    is_stage: bool = False
    stage_outputs: Collection[str] = ()

    def describe(self) -> Graph:
        """Return the nodes that the targets need."""
        return describe_graph(self.contract, self.nodes, self.targets)

    def compute(
        self,
        inputs: Mapping[str, LazyInput],
        on_event: Listener,
        engine: EngineProfile = SEQUENTIAL,
        keeping: CheckpointConfig | None = None,
        *,
        announce: bool = False,
    ) -> dict[str, object]:
        """Return the value of each target; if asked to, announce the graph before it runs.

        Of the `inputs`, those that are needed are read before the first function runs, and
        forgotten after their last use. With `keeping`, kept results take the place of computing,
        and what this run computes is kept as far as that is worth while. A kept result was checked
        when it was computed: its check_results are not told again.
        """
        kept = None if keeping is None else self._kept(keeping, inputs, on_event)
        made = self._run(inputs, on_event, engine, kept, announce=announce)
        return {name: made[node] for name, node in self.targets.items()}

    def compute_stage(
        self,
        inputs: Mapping[str, LazyInput],
        on_event: Listener,
        engine: EngineProfile,
        keeping: CheckpointConfig,
    ) -> Checkpoints:
        """Compute and keep the results on the stage_outputs; return them as they are kept.

        What cannot be kept is computed again by whoever needs it, and the log says so.
        """
        kept = self._kept(keeping, inputs, on_event)
        self._run(inputs, on_event, engine, kept, announce=True)
        return kept

    def _kept(
        self, keeping: CheckpointConfig, inputs: Mapping[str, LazyInput], on_event: Listener
    ) -> Checkpoints:
        nodes = self._nodes_there({*inputs, *self.params})
        digests = {
            name: table_input.digest() for name, table_input in inputs.items() if name in nodes
        }
        found = fingerprints(nodes, digests, self.params, self.graph.nodes.values())
        return Checkpoints(keeping.store(), found, {*self.declared, *self.stage_outputs}, on_event)

    def _run(
        self,
        inputs: Mapping[str, LazyInput],
        on_event: Listener,
        engine: EngineProfile,
        kept: Checkpoints | None,
        *,
        announce: bool,
    ) -> dict[str, object]:
        """Compute what is needed, and return the targets; a stage has only to keep its results."""
        wanted = () if self.is_stage else self.targets.values()
        needed = self.stage_outputs if self.is_stage else wanted
        given = {*inputs, *self.params}
        nodes = self._nodes_there(given)
        values: dict[str, object] = dict(self.params)
        if kept is not None:
            intermediates = carry_over(self.graph, nodes, needed, given, kept)
            kept.tell_of_misfits()
            nodes = intermediates.nodes
            values |= intermediates.values
        steps = steps_of(self.graph, nodes, {*given, *values})
        with open_engine(engine, Workload(steps, self.modules, self.params)) as opened:
            before = [self.describe()] if announce else []
            values |= self._read(steps, inputs, [*before, *(kept.reused if kept else ())], on_event)
            return execute(steps, wanted, values, on_event, opened, kept.computed if kept else None)

    def _nodes_there(self, given: Collection[str]) -> Mapping[str, Node]:
        """Return the nodes, without the optional inputs that are not given."""
        outside = [name for name, node in self.graph.nodes.items() if node.user_defined]
        if set(given).issuperset(outside):
            return self.nodes
        self._check_given(given)
        return {
            name: node for name, node in self.nodes.items() if name in given or name not in outside
        }

    def _read(
        self,
        steps: Sequence[Step],
        inputs: Mapping[str, LazyInput],
        before: Sequence[Event],
        on_event: Listener,
    ) -> dict[str, object]:
        """Return what the inputs hold; what has been found out before comes before what is heard.

        Of an input that is not there, nothing is heard at all.
        """
        needed = {name for step in steps for name in step.needs} if inputs else ()
        heard: list[Event] = []
        read: dict[str, object] = {}
        try:
            for name, table_input in inputs.items():
                if name in needed:
                    read[name] = table_input.read(heard.append)
        except InputError:
            if heard:
                _tell([*before, *heard], on_event)
            raise
        _tell([*before, *heard], on_event)
        return read

    def _check_given(self, inputs: Collection[str]) -> None:
        known = {declared.name for declared in self.contract.inputs}
        for name, node in self.nodes.items():
            for dependency in node.dependencies:
                if (
                    not dependency.user_defined
                    or dependency.name in inputs
                    or dependency.name in self.params
                ):
                    continue
                if node.input_types[dependency.name][1] is DependencyType.OPTIONAL:
                    continue
                if dependency.name in known:
                    raise InputError(dependency.name, f"it is not given, and {name!r} needs it")
                raise DefinitionError(
                    f"node {name!r} takes {dependency.name!r}, which is no function, input or "
                    f"param of dataflow {self.contract.name!r}"
                )


def stage_outputs(plan: Plan, stage: Collection[str], cut: str) -> tuple[str, ...]:
    """Return the nodes of a stage whose results are needed outside it, with the cut itself."""
    needed = {cut, *plan.targets.values()}
    for name, node in plan.nodes.items():
        if name not in stage:
            needed.update(dependency.name for dependency in node.dependencies)
    given = {*plan.params, *(table_input.name for table_input in plan.contract.inputs)}
    return tuple(name for name in stage if name in needed and name not in given)


def _tell(events: Sequence[Event], on_event: Listener) -> None:
    for event in events:
        on_event(event)
