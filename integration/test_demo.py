"""What a newcomer does: the demonstration, then the same tables without Airflow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import DATA, LOCAL, ROOT, TRANSFORMS_PYTHON, environment, free_port
from pyarrow import parquet

PLATFORM = ROOT / "platform" / ".venv" / "bin" / "isthmus-platform"
ISTHMUS = ROOT / "transforms" / ".venv" / "bin" / "isthmus"


def platform(state: Path, *arguments: str, timeout: float = 300, **variables: str) -> str:
    """Return what the command printed, and expect it to succeed."""
    options = ["--state", str(state), "--port", str(free_port())]
    options += ["--transforms-python", str(TRANSFORMS_PYTHON)]
    done = subprocess.run(
        [str(PLATFORM), *options, *arguments],
        env={**environment(), "COLUMNS": "300", **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state on which the demonstration has run."""
    path = tmp_path_factory.mktemp("demo")
    (path / "output.txt").write_text(platform(path, "demo", "--data", str(DATA)))
    return path


def test_the_demonstration_publishes_every_flight(state: Path) -> None:
    output = (state / "output.txt").read_text()
    for words in (
        "loaded 336,776 flights",
        "flight_delays.v1 transform done",
        "of 42 nodes",
        "flight_delays.v1 published release",
        "327,346 rows",
        "roc_auc 0.69",
        "model_card",
        "graph.svg",
        "airport_days.v1 published release",
        "carrier_days.v1 published release",
        "functions",
        "around them",
        "make up",
    ):
        assert words in output, output
    assert "current" in platform(state, "releases", "flight_delays")
    assert "current" in platform(state, "releases", "airport_days")


def test_variables_that_the_deployment_names_reach_its_tasks(state: Path, tmp_path: Path) -> None:
    file, text = tmp_path / "company.toml", LOCAL.read_text()
    lake = 'root = "${ISTHMUS_STATE}/lake"'
    assert lake in text
    file.write_text(text.replace(lake, 'root = "${COMPANY_LAKE}/lake"'))
    month = ("--interval-start", "2013-01-01", "--interval-end", "2013-02-01")
    command = ("--deployment", str(file), "run", "carrier_days", *month)
    output = platform(state, *command, COMPANY_LAKE=str(state))
    assert "carrier_days.v1 published release" in output


def test_a_data_scientist_gets_the_same_tables(state: Path, tmp_path: Path) -> None:
    inputs, out = tmp_path / "inputs", tmp_path / "out"
    # A runner does not inherit the shell's settings of BLAS. Other kernels round in another way,
    # and training ends with shares that differ by 1e-4.
    alike = {name: value for name, value in environment().items() if "BLAS" not in name}
    platform(state, "export-inputs", "flight_delays", str(inputs))
    command = [str(ISTHMUS), "run", "flight_delays", "--inputs", str(inputs), "--out", str(out)]
    subprocess.run(command, env=alike, check=True, capture_output=True, timeout=120)
    lake = state / "lake"
    (document,) = (lake / "dataflows" / "flight_delays" / "v1" / "releases").glob("*/*.json")
    release = json.loads(document.read_text())
    for name, table in release["tables"].items():
        (file,) = (lake / table["path"]).glob("*.parquet")
        check_same(parquet.read_table(file), parquet.read_table(out / f"{name}.parquet"))
    boosting = [*command, "--model", "boosting"]
    subprocess.run(boosting, env=alike, check=True, capture_output=True, timeout=120)
    again = parquet.read_table(out / "flight_features.parquet")
    (published,) = (lake / release["tables"]["flight_features"]["path"]).glob("*.parquet")
    assert parquet.read_table(published).equals(again)


def check_same(published: pa.Table, computed: pa.Table) -> None:
    """Expect the same rows; numbers may differ as far as the order of threads makes them."""
    assert published.schema.equals(computed.schema)
    for name in published.column_names:
        expected, values = published[name].to_pylist(), computed[name].to_pylist()
        if pa.types.is_floating(published.schema.field(name).type):
            nulls = [value is None for value in expected]
            assert [value is None for value in values] == nulls, name
            numbers = [value for value in values if value is not None]
            known = [value for value in expected if value is not None]
            assert numbers == pytest.approx(known, rel=1e-9, nan_ok=True), name
        else:
            assert values == expected, name


def test_neither_side_has_the_libraries_of_the_other() -> None:
    for python, modules in (
        (
            ROOT / "platform" / ".venv" / "bin" / "python",
            ("pandas", "hamilton", "isthmus_transforms"),
        ),
        (TRANSFORMS_PYTHON, ("airflow", "deltalake", "isthmus_platform")),
    ):
        for module in modules:
            probe = f"import importlib.util; print(importlib.util.find_spec({module!r}))"
            done = subprocess.run(
                [str(python), "-c", probe],
                env=environment(),
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.strip() == "None", f"{module} is there"
