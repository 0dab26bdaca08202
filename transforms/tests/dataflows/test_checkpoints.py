"""Every node of every dataflow has a fingerprint, so that its result can be kept."""

from __future__ import annotations

import pytest

from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.checkpoints import fingerprints, modules


@pytest.mark.parametrize("name", [str(dataflow.identity) for dataflow in CATALOG.dataflows])
def test_every_node_can_be_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "STARTED", float("inf"))
    dataflow = load_dataflow(name)
    plan = dataflow.plan(list(dataflow.targets))
    given = {table_input.name: "digest" for table_input in dataflow.contract.inputs}
    found = fingerprints(plan.nodes, given, plan.params, plan.graph.nodes.values())
    assert found.doubts == {}
    assert found.of.keys() == plan.nodes.keys()
