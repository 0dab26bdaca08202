"""A deployment file with a typo, or a missing one, removes no running task of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Stack, current, eventually

from isthmus_contracts.catalog import AIRPORT_DAYS

NAME = str(AIRPORT_DAYS.identity)
FILE = Path(__file__).parents[2] / "platform/src/isthmus_platform/deployment/compose.toml"
PLACE = "/opt/isthmus/platform/isthmus_platform/deployment/compose.toml"
READERS = ("dag-processor", "worker-ingest", "worker-transform")
MORE_RUNS = 3


@pytest.fixture
def sound(published: Stack) -> Iterator[Stack]:
    """Put the valid file back in the end."""
    yield published
    for service in READERS:
        published.compose("cp", str(FILE), f"{service}:{PLACE}")
    eventually(lambda: not is_tagged(published))


def is_tagged(stack: Stack) -> bool:
    """Have the DAG file read again, and say whether the DAG shows a mistake of the deployment."""
    (dag,) = [dag for dag in stack.client.dags() if dag.id == NAME]
    stack.client.reparse(dag)
    tags = stack.client.request("GET", f"/dags/{NAME}/details")["tags"]
    return "invalid-deployment" in {tag["name"] for tag in tags}


@pytest.mark.parametrize("typo", ["[lake", None])
def test_runs_go_on_with_the_last_valid_file(
    sound: Stack, tmp_path: Path, typo: str | None
) -> None:
    undisturbed = current(sound.lake)
    runs = [sound.client.trigger(NAME) for _ in range(MORE_RUNS)]
    runs.append(sound.reach(AIRPORT_DAYS, "transform"))
    for service in READERS:
        if typo is None:
            sound.compose("exec", "-T", "--user", "root", service, "rm", PLACE)
        else:
            (tmp_path / "typo.toml").write_text(typo)
            sound.compose("cp", str(tmp_path / "typo.toml"), f"{service}:{PLACE}")
    eventually(lambda: is_tagged(sound))
    runs.append(sound.client.trigger(NAME))  # all its tasks read the invalid file
    for run in runs:
        assert sound.published_by(AIRPORT_DAYS, run) == undisturbed
        assert {attempts for _, attempts in sound.attempts(AIRPORT_DAYS, run).values()} == {1}
