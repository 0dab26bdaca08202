"""A dataflow in a deployment of its own, run by the pipeline's functions without Airflow."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    Metric,
    Metrics,
    Param,
    Table,
)
from isthmus_platform.deployment import (
    DeployedDataflow,
    Deployment,
    LakeLocation,
    Runner,
    RunsLocation,
    Source,
)
from isthmus_platform.lake.layout import Lake
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.storage import DiskStore

ORDERS = Table("orders", "Orders.", (Column("amount", "int64", "Amount."),))
SHOP = Dataset("shop", "A shop.", "operations", (ORDERS,))
TOTALS = DataflowContract(
    name="totals",
    version="1.0.0",
    owner="analytics",
    description="Sums orders up.",
    inputs=(SHOP.input("orders"),),
    params=(Param("factor", "integer", 2, "What each amount is multiplied with."),),
    outputs=(Metrics("sums", "Sums.", (Metric("total", "Total amount."),)),),
    checkpoints=(Checkpoint("amounts", "The amounts."),),
)

# A runner of one function; its argument says how it ends.
RUNNER = """
import json, sys, time
from pathlib import Path
from isthmus_contracts.protocol import (
    Graph, GraphNode, RunFailure, RunResult, StagedOutput, decode_request, encode
)

Path(sys.argv[1], "started").touch()
request, end = decode_request(sys.stdin.readline()), sys.argv[2]
def send(answer): print(encode(answer), flush=True)
send(Graph(time.time(), (GraphNode("sums", "function", "dict", "Sums.", ("orders",), "sums"),)))
if end == "sleeps":
    Path(sys.argv[1], "computing").touch()
    time.sleep(60)
if end in ("dataflow", "request", "denied"):
    node = ("sums", "sums", "x.py", 1, "its traceback") if end != "request" else ()
    kind, error = ("dataflow", "PermissionError") if end == "denied" else (end, "ValueError")
    send(RunFailure(kind, f"{error}: no", *node))
    sys.exit(1)
output = StagedOutput("sums", metrics={"total": 3.0 * request.params["factor"]})
send(RunResult(request.identity, request.dataflow, request.contract_version, "code", (output,)))
"""


@dataclass(frozen=True)
class Logged:
    """Record log lines for `RunContext`."""

    lines: list[str] = field(default_factory=list)

    def info(self, message: str, /, *values: object) -> None:
        self.lines.append(message % values)

    warning = error = info

    def log(self, level: int, message: str, /, *values: object) -> None:
        self.lines.append(message % values if level else "")


@dataclass(frozen=True)
class Site:
    """Hold a deployed dataflow, its lake, and the context of a run."""

    folder: Path
    dataflow: DeployedDataflow
    lake: Lake
    run: RunContext
    logged: Logged

    def ending(self, end: str) -> DeployedDataflow:
        """Return the dataflow with a runner that ends this way."""
        command = (*self.dataflow.runner.command[:-1], end)
        runner = replace(self.dataflow.runner, command=command)
        deployment = replace(self.dataflow.deployment, runners={"default": runner})
        return replace(self.dataflow, deployment=deployment)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    database = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE orders (amount INTEGER)")
        connection.execute("INSERT INTO orders VALUES (1), (2)")
        connection.commit()
    script = tmp_path / "runner.py"
    script.write_text(RUNNER)
    command = (sys.executable, str(script), str(tmp_path), "computes")
    deployment = Deployment(
        file=tmp_path / "company.toml",
        lake=LakeLocation(str(tmp_path / "lake")),
        runs=RunsLocation(str(tmp_path / "runs")),
        sources={"shop": Source("shop")},
        runners={"default": Runner(command, str(tmp_path / "home"), writable=(str(tmp_path),))},
        defaults={},
        dataflows={},
    )

    def connect(name: str) -> Engine:
        assert name == "shop"
        return create_engine(f"sqlite:///{database}")

    logged = Logged()
    run = RunContext("manual__1", "task", log=logged, connect=connect)
    lake = Lake(DiskStore(tmp_path / "lake"))
    return Site(tmp_path, deployment.deploy(TOTALS), lake, run, logged)
