"""Every node of every dataflow has a fingerprint, so that its result can be saved."""

from __future__ import annotations

import pytest

from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.checkpoints import fingerprint_nodes


@pytest.mark.parametrize("name", [str(dataflow.identity) for dataflow in CATALOG.dataflows])
def test_every_node_has_a_fingerprint(name: str) -> None:
    dataflow = load_dataflow(name)
    plan = dataflow.plan(list(dataflow.targets))
    given = {declared.name: "digest" for declared in dataflow.contract.inputs}
    found = fingerprint_nodes(plan.nodes, given, plan.params)
    assert found.missing == {}
    assert found.by_node.keys() == plan.nodes.keys()
