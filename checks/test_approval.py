"""Each path has a rule, and the demands of a change are those of its paths together."""

from __future__ import annotations

import json
from datetime import date

import pytest
from approval import SESSIONS, Demand, judge
from change import Change
from repository import ROOT, files
from teams import expected

TODAY = date(2026, 5, 1)
PLATFORM = "@isthmus/platform"
DATA = "@isthmus/data-science"
BOTH = (DATA, PLATFORM)
DATAFLOWS = "transforms/src/isthmus_transforms/dataflows"
PLATFORM_SESSIONS = "platform boundaries integration release coverage"
TRANSFORMS_SESSIONS = "transforms boundaries release coverage"
DATAFLOW_SESSIONS = "transforms boundaries coverage"
CATALOG = json.dumps(
    {
        "dataflows": {
            "tides.v1": {"owner": "data-science"},
            "storage.v1": {"owner": "platform"},
            "storage.v2": {"owner": "data-science"},
            "waves.v1": {"owner": "sea"},
        }
    }
)


def _judged(*paths: str) -> Demand:
    return judge(Change("base", paths, catalog_after=CATALOG), TODAY)


@pytest.mark.parametrize(
    ("path", "teams", "sessions"),
    [
        ("platform/src/isthmus_platform/cli/main.py", (PLATFORM,), PLATFORM_SESSIONS),
        ("platform/ruff.toml", BOTH, "boundaries"),
        ("platform/README.md", (PLATFORM,), PLATFORM_SESSIONS),
        ("transforms/src/isthmus_transforms/cli/main.py", (DATA,), TRANSFORMS_SESSIONS),
        ("transforms/requirements.lock", (DATA,), TRANSFORMS_SESSIONS),
        ("transforms/README.md", (DATA,), TRANSFORMS_SESSIONS),
        (f"{DATAFLOWS}/__init__.py", (DATA,), DATAFLOW_SESSIONS),
        (f"{DATAFLOWS}/tides/heights.py", (DATA,), DATAFLOW_SESSIONS),
        (f"{DATAFLOWS}/storage/sums.py", (PLATFORM,), DATAFLOW_SESSIONS),
        (f"{DATAFLOWS}/storage_v2/sums.py", (DATA,), DATAFLOW_SESSIONS),
        (f"{DATAFLOWS}/waves/heights.py", BOTH, DATAFLOW_SESSIONS),
        (f"{DATAFLOWS}/unknown/heights.py", (DATA,), DATAFLOW_SESSIONS),
        ("transforms/tests/dataflows/conftest.py", (DATA,), DATAFLOW_SESSIONS),
        ("transforms/tests/dataflows/storage/test_sums.py", (PLATFORM,), DATAFLOW_SESSIONS),
        ("contracts/src/isthmus_contracts/protocol/messages.py", BOTH, " ".join(SESSIONS)),
        ("contracts/src/isthmus_contracts/codec.py", BOTH, " ".join(SESSIONS)),
        ("contracts/src/isthmus_contracts/testing/runner.py", BOTH, " ".join(SESSIONS)),
        ("contracts/src/isthmus_contracts/catalog/_catalog.py", BOTH, " ".join(SESSIONS)),
        ("contracts/src/isthmus_contracts/catalog/tides.py", BOTH, " ".join(SESSIONS)),
        ("contracts/tests/test_codec.py", BOTH, " ".join(SESSIONS)),
        ("contracts/README.md", BOTH, " ".join(SESSIONS)),
        ("checks/owners.py", BOTH, "boundaries"),
        ("checks/release/test_release.py", BOTH, "boundaries release"),
        ("CODEOWNERS", BOTH, "boundaries"),
        (".importlinter", BOTH, "boundaries"),
        ("ruff.toml", BOTH, "boundaries"),
        ("ARCHITECTURE.md", BOTH, "boundaries"),
        (".github/workflows/checks.yml", BOTH, "boundaries"),
        ("integration/test_demo.py", BOTH, "boundaries integration"),
        ("benchmarks/run.py", BOTH, "boundaries integration"),
        ("benchmarks/results.md", BOTH, "boundaries integration"),
        ("docker/Dockerfile", BOTH, "boundaries compose"),
        ("docker-compose.yaml", BOTH, "boundaries compose"),
        ("integration/compose/test_faults.py", BOTH, "boundaries compose"),
        ("noxfile.py", BOTH, " ".join(SESSIONS)),
        ("bootstrap.lock", BOTH, " ".join(SESSIONS)),
        ("something/new.py", BOTH, " ".join(SESSIONS)),
        ("platform.md/file", BOTH, " ".join(SESSIONS)),
    ],
)
def test_a_path_needs_its_teams_and_sessions(
    path: str, teams: tuple[str, ...], sessions: str
) -> None:
    demand = _judged(path)
    assert (demand.teams, demand.one_of, demand.informed) == (teams, (), ())
    assert demand.sessions == tuple(sessions.split())


@pytest.mark.parametrize(
    "path", ["README.md", "CONTRIBUTING.md", "docs/adr/0001-x.md", "docs/a.png"]
)
def test_a_page_needs_either_team(path: str) -> None:
    demand = _judged(path)
    assert (demand.teams, demand.one_of, demand.sessions) == ((), BOTH, ("boundaries",))


def test_a_team_that_must_approve_anyway_is_enough_for_a_page() -> None:
    demand = _judged("README.md", "platform/README.md")
    assert (demand.teams, demand.one_of) == ((PLATFORM,), ())


def test_a_page_of_the_root_is_one_at_the_root() -> None:
    assert _judged("benchmarks/notes.md").teams == BOTH


def test_nothing_changed_demands_nothing() -> None:
    demand = _judged()
    assert (demand.teams, demand.one_of, demand.sessions, demand.judgements) == ((), (), (), ())
    assert not demand.crosses_border


def test_a_team_that_must_approve_is_not_informed_besides() -> None:
    # The catalog is compared in test_agreement; here it cannot be read, so that both must approve.
    demand = _judged("contracts/catalog.json")
    assert (demand.teams, demand.informed) == (BOTH, ())


@pytest.mark.parametrize(
    ("paths", "crosses"),
    [
        (("platform/cli.py", "transforms/cli.py"), True),
        (("platform/cli.py", "transforms/cli.py", "docs/a.md", "noxfile.py"), True),
        (("platform/cli.py", "transforms/cli.py", "contracts/README.md"), True),
        (("platform/cli.py", "transforms/cli.py", "contracts/tests/test_codec.py"), True),
        (("platform/cli.py", "transforms/cli.py", "contracts/catalog.json"), False),
        (("platform/cli.py", "transforms/cli.py", "contracts/src/isthmus_contracts/a.py"), False),
        (("platform/cli.py", "contracts/README.md"), False),
        (("transforms/cli.py", "platforms/cli.py"), False),
        ((), False),
    ],
)
def test_both_trees_without_a_contract_cross_the_border(
    paths: tuple[str, ...],
    crosses: bool,
) -> None:
    assert _judged(*paths).crosses_border is crosses


@pytest.mark.parametrize("catalog", [None, "{", "[]"])
def test_without_a_catalog_a_dataflow_is_its_tree_s(catalog: str | None) -> None:
    change = Change("base", (f"{DATAFLOWS}/storage/sums.py",), catalog_after=catalog)
    assert judge(change, TODAY).teams == (DATA,)


def test_every_tracked_path_is_judged_by_its_owners() -> None:
    for path in map(str, files(ROOT)):
        demand = judge(Change("base", (path,)), TODAY)
        named = demand.teams or demand.one_of
        assert named == expected(path, {}), path
