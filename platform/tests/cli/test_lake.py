"""Commands name the lake that they read, and take no other place for an empty one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_platform.lake.layout import Lake

Call = Callable[..., tuple[int, str, str]]
COMMANDS = (
    ("releases", "station_days"),
    ("show", "station_days"),
    ("diff", "station_days", "a", "b"),
    ("tables", "station_days", "--format", "json"),
    ("rollback", "station_days", "a"),
    ("gc",),
    ("export-inputs", "station_days", "inputs"),
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mounted", [True, False])
def test_a_place_without_a_lake_is_an_error_with_what_to_do(
    state: Path, call: Call, command: tuple[str, ...], mounted: bool
) -> None:
    if mounted:  # an empty directory, as where a disk would be mounted
        (state / "lake").mkdir(parents=True)
    status, said, error = call(*command)
    assert (status, said) == (2, "")
    assert (
        f"the lake at file://{state}/lake cannot be used now: it has no isthmus-lake.json" in error
    )
    assert "Mount it, name another place in [lake] or with --state, or make a new" in error
    assert [path.name for path in state.rglob("*")] == (["lake"] if mounted else [])


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[5]])
def test_a_command_names_the_lake_beside_its_output(
    lake: Lake, call: Call, command: tuple[str, ...]
) -> None:
    status, said, error = call(*command)
    assert status == 0
    assert error == f"lake: {lake.address}\n"
    assert lake.address not in said


def test_a_lake_is_made_by_a_command_and_only_once(state: Path, call: Call) -> None:
    expected = (0, f"file://{state}/lake is a lake\n", "")
    assert call("init-lake") == expected
    marker = (state / "lake" / "isthmus-lake.json").read_bytes()
    assert call("init-lake") == expected
    assert (state / "lake" / "isthmus-lake.json").read_bytes() == marker
    assert call("releases", "station_days")[0] == 0


def test_a_lake_that_lost_its_marker_is_not_made_anew(state: Path, call: Call) -> None:
    (state / "lake" / "dataflows").mkdir(parents=True)
    status, _, error = call("init-lake")
    assert status == 2
    assert "has dataflows, but no isthmus-lake.json" in error
