"""Tests of one tree name no dataflow or dataset of the catalog, so that its owner may change it."""

from __future__ import annotations

import json
import re

from repository import ROOT, files

# What is about these very dataflows.
OWN = (
    "transforms/tests/dataflows/",
    "transforms/tests/programs/",  # what benchmarks compare with
    "platform/tests/demo/",
    "platform/tests/test_readme.py",
    "transforms/tests/test_readme.py",
)


def test_only_tests_of_a_dataflow_name_it() -> None:
    catalog = json.loads((ROOT / "contracts" / "catalog.json").read_text(encoding="utf-8"))
    dataflows = [name.partition(".")[0] for name in catalog["dataflows"]]
    names = {*dataflows, *catalog["datasets"]}
    assert names
    named = re.compile(rf"(?<![a-z_])({'|'.join(sorted(names))})(?![a-z_])", re.IGNORECASE)
    tests = [
        path.as_posix()
        for path in files(ROOT)
        if re.match(r"(platform|transforms)/tests/.*\.(py|toml)$", path.as_posix())
        and not path.as_posix().startswith(OWN)
    ]
    assert len(tests) > 100
    found = {
        f"{path}: {match[0]}"
        for path in tests
        for match in named.finditer((ROOT / path).read_text(encoding="utf-8"))
    }
    assert sorted(found) == [], "use isthmus_contracts.testing.sample_catalog"
