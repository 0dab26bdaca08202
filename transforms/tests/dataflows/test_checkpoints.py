"""Every node of every dataflow has a fingerprint, so that its result can be saved."""

from __future__ import annotations

import pytest

from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.checkpoints import fingerprint_nodes
from isthmus_transforms.runtime.checkpoints.fingerprints import module_source


@pytest.mark.parametrize("name", [str(dataflow.identity) for dataflow in CATALOG.dataflows])
def test_every_node_has_a_fingerprint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_source, "STARTED", float("inf"))
    dataflow = load_dataflow(name)
    plan = dataflow.plan(list(dataflow.targets))
    given = {declared.name: "digest" for declared in dataflow.contract.inputs}
    found = fingerprint_nodes(plan.nodes, given, plan.params, plan.graph.nodes.values())
    assert found.missing == {}
    assert found.by_node.keys() == plan.nodes.keys()
