"""The pieces of what is measured through Airflow; all of it together takes minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from clock import Effort
from endtoend import run_script
from installed import FUNCTIONS, PROGRAMS, PYTHON, laid_out, outside, takes
from pyarrow import parquet
from sites import on_disk
from sqlalchemy import create_engine

from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.deployment import Source
from isthmus_platform.local_airflow import Installation
from isthmus_platform.local_airflow.settings import environment
from isthmus_platform.sources.sql import read_source

DAGS = """
import json, by_hand, isthmus_dags
from airflow.sdk import DAG
found = {**vars(by_hand), **vars(isthmus_dags)}
dags = {each.dag_id: each.task_dict for each in found.values() if isinstance(each, DAG)}
print(json.dumps({
    dag: {name: sorted(task.upstream_task_ids) for name, task in tasks.items()}
    for dag, tasks in dags.items()
}))
"""
ALONE = """
import sys, alone
from pathlib import Path
for name in sys.argv[2:]:
    alone.run(name, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """Lay all out, with every hundredth flight, and export what runs would read."""
    with on_disk() as site:
        made = laid_out(site.folder, Effort(rounds=1, share=0.01))
        engine = create_engine(f"sqlite:///{site.folder / 'company.sqlite'}")
        for table in NYC_FLIGHTS.tables:
            rows = pa.Table.from_batches(read_source(table, Source("company"), engine))
            parquet.write_table(rows, site.folder / "exported" / f"{table.name}.parquet")
        engine.dispose()
        yield made


def test_there_are_fifty_functions_and_each_comes_after_what_it_takes() -> None:
    found = takes()
    assert len(found) == FUNCTIONS
    known = {"flights"}
    for name, needs in found.items():
        assert known.issuperset(needs)
        known.add(name)


def test_the_dags_are_those_that_are_compared(installation: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DAGS],
        cwd=installation.dags_folder,
        env=environment(installation),
        check=True,
        stdout=subprocess.PIPE,
    )
    dags = json.loads(done.stdout.splitlines()[-1])
    three = {"ingest": [], "transform": ["ingest"], "publish": ["transform"]}
    first = {"nothing_0": []}
    assert dags == {
        "flight_delays.v1": three,
        "flight_delays_fused.v1": {"run": []},
        "flight_facts.v1": three,
        "flight_facts_fused.v1": {"run": []},
        "nothing_1": first,
        "nothing_3": first | {"nothing_1": ["nothing_0"], "nothing_2": ["nothing_1"]},
        "task_per_function": {"arrived": [], "arrival_delay": ["arrived"]},
    }


def test_each_function_alone_makes_what_the_dataflow_makes(
    installation: Installation, tmp_path: Path
) -> None:
    exported = installation.state / "exported"
    in_python([ALONE, str(exported), *takes()], {"PYTHONPATH": str(PROGRAMS)})
    apart = parquet.read_table(exported / "flight_facts.parquet")
    sources = installation.state / "sources"
    ours = {"PYTHONPATH": f"{sources / 'contracts'}:{sources / 'transforms'}"}
    arguments = ["run", "flight_facts", "--inputs", str(exported), "--out", str(tmp_path)]
    code = "from isthmus_transforms.cli.main import main; raise SystemExit(main())"
    in_python([code, *arguments], ours)
    whole = parquet.read_table(tmp_path / "flight_facts.parquet")
    assert whole.num_rows > 3000
    assert apart.select(whole.column_names).cast(whole.schema).equals(whole)


def test_the_script_makes_every_output(installation: Installation) -> None:
    assert run_script(installation) > 0
    made = {path.name: path.stat().st_size for path in (installation.state / "script").iterdir()}
    assert all(made.values())
    assert made.keys() == {
        "carrier_scores.parquet",
        "delay_metrics.json",
        "delay_model.skops",
        "flight_features.parquet",
        "model_card.html",
    }


def in_python(arguments: list[str], variables: Mapping[str, str]) -> None:
    """Run code in the transforms' environment."""
    subprocess.run([PYTHON, "-c", *arguments], env=outside() | variables, check=True)
