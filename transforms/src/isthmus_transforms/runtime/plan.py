"""What one run of a dataflow computes: its graph, its targets, its params, its interval."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import pandas as pd
from hamilton.graph import FunctionGraph
from hamilton.node import DependencyType, Node

from isthmus_contracts import Dataflow as Contract
from isthmus_contracts import Interval, ParamValue
from isthmus_contracts.protocol import EngineProfile, Graph
from isthmus_transforms.errors import DefinitionError, InputError
from isthmus_transforms.runtime.engines import Workload, open_engine
from isthmus_transforms.runtime.execution import Listener, execute
from isthmus_transforms.runtime.graph import describe_graph
from isthmus_transforms.runtime.steps import Step, steps_of

SEQUENTIAL = EngineProfile("sequential", {})


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is to be computed; `targets` maps each asked name to its node.

    `nodes` are all that the targets need of what the contract gives, each after its dependencies.
    """

    contract: Contract
    modules: tuple[ModuleType, ...]
    graph: FunctionGraph
    targets: Mapping[str, str]
    params: Mapping[str, ParamValue]
    interval: Interval | None
    nodes: Mapping[str, Node]

    def describe(self) -> Graph:
        """Return the nodes that the targets need."""
        return describe_graph(self.contract, self.nodes, self.targets)

    def compute(
        self,
        inputs: Mapping[str, Callable[[], pd.DataFrame]],
        listen: Listener,
        engine: EngineProfile = SEQUENTIAL,
        *,
        announce: bool = False,
    ) -> dict[str, object]:
        """Return the value of each target; if asked to, announce the graph before it runs.

        Of the `inputs`, those that are needed are read before the first function runs, and
        forgotten after their last use.
        """
        given = {*inputs, *self.params}
        nodes = self.nodes
        outside = [name for name, node in self.graph.nodes.items() if node.user_defined]
        if not given.issuperset(outside):
            self._check_given(inputs)
            # What is left out now is optional.
            nodes = {name: nodes[name] for name in nodes if name in given or name not in outside}
        steps = steps_of(self.graph, nodes, given)
        with open_engine(engine, Workload(steps, self.modules, self.params)) as opened:
            values = {**self._read(steps, inputs), **self.params}
            if announce:
                listen(self.describe())
            made = execute(steps, self.targets.values(), values, listen, opened)
        return {name: made[node] for name, node in self.targets.items()}

    def _read(
        self, steps: Sequence[Step], inputs: Mapping[str, Callable[[], pd.DataFrame]]
    ) -> dict[str, object]:
        needed = {name for step in steps for name in step.needs} if inputs else ()
        return {name: read() for name, read in inputs.items() if name in needed}

    def _check_given(self, inputs: Collection[str]) -> None:
        known = {each.name for each in self.contract.inputs}
        for name, node in self.nodes.items():
            for each in node.dependencies:
                if not each.user_defined or each.name in inputs or each.name in self.params:
                    continue
                if node.input_types[each.name][1] is DependencyType.OPTIONAL:
                    continue
                if each.name in known:
                    raise InputError(each.name, f"it is not given, and {name!r} needs it")
                raise DefinitionError(
                    f"node {name!r} takes {each.name!r}, which is no function, input or param "
                    f"of dataflow {self.contract.name!r}"
                )
