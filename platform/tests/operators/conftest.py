from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.utils.db import initdb
from pyarrow import ipc

from isthmus_contracts import Column, Metrics, Table, catalog
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.dags.builder import build_dag
from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import DiskStore

METRICS = PARCEL_DELAYS.output("delay_metrics")
DEPLOYMENT = """
[lake]
root = "{folder}/lake"
[runs]
root = "{folder}/runs"
keep_days = 30
[sources.parcel_firm]
connection = "company"
[runners.default]
command = {command}
home = "{folder}/home"
writable = ["{folder}"]
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended: the state of each task, and everything that was logged."""

    states: Mapping[str, str]
    log: str
    id: str


@dataclass(frozen=True)
class Company:
    """A company with sources, a deployment, a stand-in runner and its prepared outputs."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def deploy(self, *command: str, more: str = "") -> None:
        """Write the deployment with this runner command, by default the stand-in."""
        stand_in = [sys.executable, "-m", "isthmus_contracts.testing.runner"]
        stand_in += ["--outputs", str(self.folder / "outputs")]
        shown = str(list(command or stand_in)).replace("'", '"')
        text = DEPLOYMENT.format(folder=self.folder, command=shown)
        (self.folder / "company.toml").write_text(text + more)

    def fault(self, name: str) -> None:
        """Have the stand-in runner misbehave."""
        command = [sys.executable, "-m", "isthmus_contracts.testing.runner"]
        self.deploy(*command, "--outputs", str(self.folder / "outputs"), "--fault", name)

    def run(self, dataflow: str = "parcel_delays", **params: object) -> Ended:
        """Run a dataflow's DAG to its end, in this process."""
        contract = catalog.CATALOG.dataflow(dataflow)
        dag = build_dag(load_deployment().deploy(contract))
        self.capture.readouterr()
        run = dag.test(run_conf=params)
        captured = self.capture.readouterr()
        states = {task.task_id: str(task.state) for task in run.get_task_instances()}
        return Ended(states, captured.out + captured.err, run.run_id)

    def execute(self, statement: str) -> None:
        """Change the company's database."""
        with closing(sqlite3.connect(self.folder / "company.sqlite")) as connection:
            connection.execute(statement)
            connection.commit()

    def prepare(self, table: Table, **instead: object) -> None:
        """Prepare an output of one row that fits its contract, except for `instead`."""
        row = {column.name: value_of(column) for column in table.columns} | instead
        rows = pa.Table.from_pylist([row], arrow_schema(table))
        write_stream(self.folder / "outputs" / f"{table.name}.arrows", rows)

    @property
    def published(self) -> list[str]:
        """Return the ids of parcel_delays' releases, newest first."""
        found = releases.releases(Lake(DiskStore(self.folder / "lake")), PARCEL_DELAYS.identity)
        return [release.id for release, _ in found]


def value_of(column: Column) -> object:
    """Return a value that the column's contract allows."""
    if column.choices:
        return column.choices[0]
    low = 1 if column.minimum is None else max(1, column.minimum)
    return {
        "string": "x",
        "int64": int(low),
        "float64": float(min(low, column.maximum or low)),
        "bool": True,
        "date": date(2013, 1, 1),
        "timestamp": "2013-01-01T00:00:00Z",
    }[column.type]


def write_stream(path: Path, rows: pa.Table) -> None:
    """Write rows as a runner stages them."""
    with path.open("wb") as file, ipc.new_stream(file, rows.schema) as stream:
        stream.write_table(rows)


@pytest.fixture
def company(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    metadata: None,  # noqa: ARG001 - Airflow's database has to be there
) -> Company:
    database = tmp_path / "company.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        for table in (declared.table for declared in PARCEL_DELAYS.inputs):
            names = ", ".join(column.name for column in table.columns)
            places = ", ".join("?" for _ in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({names})")
            row = [
                str(value_of(column)) if column.type == "date" else value_of(column)
                for column in table.columns
            ]
            connection.execute(f"INSERT INTO {table.name} VALUES ({places})", row)  # noqa: S608
        connection.commit()
    make_lake(Lake(DiskStore(tmp_path / "lake")))
    company = Company(tmp_path, capsys)
    company.deploy()
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for output in PARCEL_DELAYS.outputs:
        if isinstance(output, Table):
            company.prepare(output)
    (outputs / "delay_model.skops").write_bytes(b"model")
    (outputs / "model_card.html").write_bytes(b"<p>card</p>")
    assert isinstance(METRICS, Metrics)
    numbers = {metric.name: 1 for metric in METRICS.metrics}
    (outputs / "delay_metrics.json").write_text(json.dumps(numbers))
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(tmp_path / "company.toml"))
    monkeypatch.setenv("AIRFLOW_CONN_COMPANY", f"sqlite:///{database}")
    return company


@pytest.fixture(scope="session")
def metadata(airflow_home: Path) -> None:  # noqa: ARG001 - it is set up there
    """Create Airflow's database."""
    initdb()
