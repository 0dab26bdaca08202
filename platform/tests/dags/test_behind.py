from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import Catalog
from isthmus_platform.dags import behind as module
from isthmus_platform.dags.behind import behind_notice
from isthmus_platform.dags.builder import build_dags
from isthmus_platform.deployment import DeployedDataflow, LakeLocation, load_deployment
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.storage import DiskStore

TEXT = """
[lake]
root = "{folder}/lake"
[runs]
root = "{folder}/runs"
[runners.default]
command = ["python"]
home = "{folder}/home"
"""


class Chain(Protocol):
    reader: DataflowContract
    catalog: Catalog

    def publish(self, lake: Lake, run: str) -> Release: ...
    def read(self, lake: Lake, run: str, read: Release) -> Release: ...


@pytest.fixture
def deployed(tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> DeployedDataflow:
    """Return the dataflow that reads another, in a deployment with a lake in a directory."""
    file = tmp_path / "company.toml"
    file.write_text(TEXT.format(folder=tmp_path))
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(file))
    return load_deployment(file).deploy(chain.reader)


def behind(deployed: DeployedDataflow, chain: Chain, hours: float) -> Release:
    """Publish what the reader has not read, so many hours ago; return what it has read."""
    old = datetime.now(UTC) - timedelta(hours=hours)
    lake = Lake(DiskStore(Path(deployed.deployment.lake.root)), lambda: old)
    read = chain.publish(lake, "run-1")
    chain.read(lake, "run-2", read)
    chain.publish(lake, "run-3")
    return read


def test_a_reader_that_has_not_followed_for_an_hour_says_so(
    deployed: DeployedDataflow, chain: Chain
) -> None:
    assert behind_notice(deployed) is None
    read = behind(deployed, chain, hours=2)
    note = behind_notice(deployed)
    assert note is not None
    assert note.startswith("**This dataflow is behind numbers.v1: it has read release ")
    assert read.id in note.replace("\\", "")
    assert note.endswith("** Run it, or unpause it, to catch up.")


def test_a_reader_has_an_hour_to_follow(deployed: DeployedDataflow, chain: Chain) -> None:
    behind(deployed, chain, hours=0.5)
    assert behind_notice(deployed) is None


def test_the_page_of_the_dag_begins_with_it(
    deployed: DeployedDataflow, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = build_dags(chain.catalog)["reader.v1"].doc_md
    behind(deployed, chain, hours=2)
    page = build_dags(chain.catalog)["reader.v1"].doc_md
    notice = behind_notice(deployed)
    assert notice is not None
    assert str(page).split("\n\n")[1] == notice
    assert str(page).replace(f"{notice}\n\n", "") == plain
    assert "behind" not in str(build_dags(chain.catalog)["numbers.v1"].doc_md)

    context = SimpleNamespace(dag_id="reader.v1")
    monkeypatch.setattr(module, "get_parsing_context", lambda: context)
    assert build_dags(chain.catalog)["reader.v1"].doc_md == plain


def test_a_lake_that_cannot_be_read_here_is_no_reason_for_a_page_to_be_missing(
    deployed: DeployedDataflow, chain: Chain, tmp_path: Path
) -> None:
    behind(deployed, chain, hours=2)
    pointer = tmp_path / "lake/dataflows/reader/v1/pointers/main"
    (pointer / "99999999.json").write_text("{")
    assert behind_notice(deployed) is None
    bucket = LakeLocation("s3://company", cache=str(tmp_path / "cache"))
    elsewhere = replace(deployed.deployment, lake=bucket)
    assert behind_notice(replace(deployed, deployment=elsewhere)) is None


@pytest.mark.slow
def test_no_library_of_tables_is_imported_for_it(deployed: DeployedDataflow, chain: Chain) -> None:
    behind(deployed, chain, hours=2)
    probe = (
        "import sys, pickle\n"
        "from isthmus_platform.dags.behind import behind_notice\n"
        "deployed = pickle.loads(sys.stdin.buffer.read())\n"
        "assert behind_notice(deployed)\n"
        "print([name for name in ('pyarrow', 'deltalake') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        input=pickle.dumps(deployed),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().strip() == "[]"
