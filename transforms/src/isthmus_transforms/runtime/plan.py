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
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.checkpoints import Checkpoints, code_digest, fingerprint_nodes
from isthmus_transforms.runtime.checkpoints.store import CheckpointStore
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.engines import Workload, open_engine
from isthmus_transforms.runtime.execution import execute
from isthmus_transforms.runtime.frames.inputs import LazyInput
from isthmus_transforms.runtime.graph.describe import describe_graph
from isthmus_transforms.runtime.graph.steps import Step, steps_of

SEQUENTIAL = EngineProfile("sequential", {})


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what a run computes; `targets` maps each requested name to its node.

    `nodes` are all nodes that the targets need, each after its dependencies; `declared` are those
    that the contract declares as checkpoints. In a stage, `stage_outputs` are the nodes whose
    results the rest of the dataflow needs; there may be none.
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
        store: CheckpointStore | None = None,
        *,
        send_graph: bool = False,
    ) -> dict[str, object]:
        """Return the value of each target; with `send_graph`, the graph is the first event.

        Needed `inputs` are read before the first function runs, and freed after their last use.
        With a `store`, saved results take the place of computing, and results of this run are
        saved where that is worthwhile. A saved result was checked when it was computed, so its
        checks do not run, and are not reported, again.
        """
        checkpoints = None if store is None else self._checkpoints(store, inputs, on_event)
        values = self._run(inputs, on_event, engine, checkpoints, send_graph=send_graph)
        return {name: values[node] for name, node in self.targets.items()}

    def compute_stage(
        self,
        inputs: Mapping[str, LazyInput],
        on_event: Listener,
        engine: EngineProfile,
        store: CheckpointStore,
    ) -> Checkpoints:
        """Compute and save the results of `stage_outputs`; return the checkpoints of the run.

        A result that cannot be saved is logged; the stage that needs it computes it again.
        """
        checkpoints = self._checkpoints(store, inputs, on_event)
        self._run(inputs, on_event, engine, checkpoints, send_graph=True)
        return checkpoints

    def _checkpoints(
        self, store: CheckpointStore, inputs: Mapping[str, LazyInput], on_event: Listener
    ) -> Checkpoints:
        nodes = self._available_nodes({*inputs, *self.params})
        digests = {
            name: table_input.digest() for name, table_input in inputs.items() if name in nodes
        }
        fingerprints = fingerprint_nodes(nodes, digests, self.params)
        required = {*self.declared, *self.stage_outputs}
        return Checkpoints(store, fingerprints, required, on_event)

    def _run(
        self,
        inputs: Mapping[str, LazyInput],
        on_event: Listener,
        engine: EngineProfile,
        checkpoints: Checkpoints | None,
        *,
        send_graph: bool,
    ) -> dict[str, object]:
        """Compute what is needed, and return the targets; a stage only saves its results."""
        returned = () if self.is_stage else self.targets.values()
        needed = self.stage_outputs if self.is_stage else returned
        given = {*inputs, *self.params}
        nodes = self._available_nodes(given)
        values: dict[str, object] = dict(self.params)
        first: list[Event] = [self.describe()] if send_graph else []
        if checkpoints is not None:
            saved, nodes = checkpoints.reuse(self.graph, nodes, needed, given)
            checkpoints.warn_of_unused_intermediates()
            first += checkpoints.reused
            values |= saved
        steps = steps_of(self.graph, nodes, {*given, *values})
        digest = code_digest if checkpoints else None
        workload = Workload(steps, self.modules, self.params, digest)
        with open_engine(engine, workload) as opened:
            values |= self._read(steps, inputs, first, on_event)
            on_result = checkpoints.record if checkpoints else None
            return execute(steps, returned, values, on_event, opened, on_result)

    def _available_nodes(self, given: Collection[str]) -> Mapping[str, Node]:
        """Return the nodes without the optional inputs that are not given."""
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
        first: Sequence[Event],
        on_event: Listener,
    ) -> dict[str, object]:
        """Return the needed inputs; report the events `first`, then those of reading.

        If an input's files do not exist, no event at all is reported.
        """
        needed = {name for step in steps for name in step.needs} if inputs else set()
        if not self.is_stage:
            needed.update(self.targets.values())  # which may be given, too
        events: list[Event] = []
        frames: dict[str, object] = {}
        try:
            for name, table_input in inputs.items():
                if name in needed:
                    frames[name] = table_input.read(events.append)
        except InputError:
            if events:
                _report([*first, *events], on_event)
            raise
        _report([*first, *events], on_event)
        return frames

    def _check_given(self, given: Collection[str]) -> None:
        for name, node in self.nodes.items():
            for needed, (_, kind) in node.input_types.items() if name not in given else ():
                is_outside = needed not in given and self.graph.nodes[needed].user_defined
                if is_outside and kind is DependencyType.REQUIRED:
                    raise InputError(needed, f"it is not given, and {name!r} needs it")


def stage_outputs(plan: Plan, stage: Collection[str], boundary: str) -> tuple[str, ...]:
    """Return the boundary and every other node of a stage that nodes outside of it need."""
    needed = {boundary, *plan.targets.values()}
    for name, node in plan.nodes.items():
        if name not in stage:
            needed.update(dependency.name for dependency in node.dependencies)
    given = {*plan.params, *(declared.name for declared in plan.contract.inputs)}
    return tuple(name for name in stage if name in needed and name not in given)


def _report(events: Sequence[Event], on_event: Listener) -> None:
    for event in events:
        on_event(event)
