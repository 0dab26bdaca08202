"""Every engine computes what `sequential` does: in a library, a command, a runner and Airflow."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import FLIGHT_DELAYS, ROOT, TRANSFORMS_PYTHON, Airflow, environment, eventually
from invariants import Content, lake_of, published
from pyarrow import parquet

from isthmus_contracts import DataflowContract, File, Table, resolve_params
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.codec import serialize
from isthmus_contracts.protocol import EngineProfile, RunIdentity, RunRequest, RunResult
from isthmus_contracts.testing.conformance import Subject
from isthmus_contracts.testing.conformance import run as run_conformance
from isthmus_platform.deployment import load_deployment
from isthmus_platform.export import export_inputs, find_inputs
from isthmus_platform.lake_access import open_lake
from isthmus_platform.local_airflow.client import Run

ISTHMUS = ROOT / "transforms" / ".venv" / "bin" / "isthmus"
LIBRARY = ROOT / "transforms" / "tests" / "programs" / "parity.py"
TOLERANCE = 1e-12
TWO = {"workers": 2}
ENGINES = {
    "sequential": EngineProfile("sequential", {}),
    "threads": EngineProfile("threads", TWO),
    "processes": EngineProfile("processes", TWO),
}
IDENTITIES = tuple(str(dataflow.identity) for dataflow in CATALOG.dataflows)


def in_airflow(airflow: Airflow, engine: EngineProfile, more: str = "") -> dict[str, Content]:
    """Return what runs on this engine publish: one of flight_delays, and those that it triggers."""
    options = ", ".join(f"{name} = {value}" for name, value in engine.options.items())
    lines = f'engine = "{engine.name}"\nengine_options = {{ {options} }}'
    airflow.deploy(('engine = "sequential"', f"{lines}\n{more}"))
    first = airflow.run(FLIGHT_DELAYS)

    def runs() -> list[Run]:
        (event,) = airflow.client.asset_events(first.dag, first.id)
        return [first, *(airflow.client.run(dag, run_id) for dag, run_id in event.triggered)]

    def are_done() -> bool:
        return len(runs()) == len(IDENTITIES) and all(run.finished for run in runs())

    assert eventually(are_done, airflow.up.check), runs()
    return {run.dag: made_by(airflow, run) for run in runs()}


def made_by(airflow: Airflow, found: Run) -> Content:
    """Return the content of the release that a run has published."""
    assert found.state == "success", airflow.log(found, "transform")
    known = published(lake_of(airflow.state), CATALOG.dataflow(found.dag))
    (release,) = known.of_run(found.id)
    return known.contents[release]


@pytest.fixture(scope="module")
def expected(airflow: Airflow) -> dict[str, Content]:
    """Return what sequential runs publish, by dataflow."""
    return in_airflow(airflow, ENGINES["sequential"])


@pytest.fixture(scope="module")
def inputs(
    airflow: Airflow, expected: dict[str, Content], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return the folders with what those runs read, by dataflow."""
    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airflow.installation.environment.items():
            patch.setenv(name, value)
        deployment = load_deployment(airflow.installation.deployment)
        for identity in expected:
            folders[identity] = tmp_path_factory.mktemp("inputs")
            contract = CATALOG.dataflow(identity)
            _, pins = find_inputs(deployment, contract)
            list(export_inputs(open_lake(deployment), contract, pins, folders[identity]))
    return folders


def by_library(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> Content:
    """Compute in a program of a data scientist."""
    arguments = [str(dataflow.identity), json.dumps(serialize(engine)), str(inputs), str(out)]
    output_text = asked(str(TRANSFORMS_PYTHON), str(LIBRARY), *arguments)
    return written(dataflow, out, json.loads(output_text))


def by_command(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> Content:
    """Compute with `isthmus run`, which prints metrics in six digits; expect that it does."""
    workers = [f"--workers={value}" for value in engine.options.values()]
    options = [f"--engine={engine.name}", *workers, f"--inputs={inputs}", f"--out={out}"]
    output_text = asked(str(ISTHMUS), "run", str(dataflow.identity), *options)
    assert all(output.name in output_text for output in dataflow.outputs)
    return written(dataflow, out, {})


def by_runner(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> Content:
    """Compute in a runner, as the platform asks it."""
    request = request_for(dataflow, engine, inputs, out)
    return staged(dataflow, out, served(request))


def by_stages(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> Content:
    """Compute each stage in a runner that gets only the intermediates of earlier stages."""
    request = request_for(dataflow, engine, inputs, out)
    intermediates: tuple[str, ...] = ()
    for stop_at in [checkpoint.name for checkpoint in (*dataflow.checkpoints, *dataflow.outputs)]:
        staging = room(out, f"staging-{stop_at}")
        stage = replace(request, stop_at=stop_at, intermediates=intermediates, staging=str(staging))
        result = served(replace(stage, checkpoints=str(out / f"checkpoints-{stop_at}")))
        assert result.checkpoints
        intermediates += tuple(str(staging / checkpoint.path) for checkpoint in result.checkpoints)
    rest = replace(request, intermediates=intermediates, checkpoints=str(out / "checkpoints"))
    return staged(dataflow, out, served(rest))


def by_resuming(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> Content:
    """Compute in a runner that finds every checkpoint of another one."""
    request = request_for(dataflow, engine, inputs, out)
    request = replace(request, checkpoints=str(out / "checkpoints"))
    served(replace(request, staging=str(room(out, "first"))))
    return staged(dataflow, out, served(request))


def room(out: Path, name: str) -> Path:
    """Return a new directory."""
    directory = out / name
    directory.mkdir()
    return directory


def request_for(
    dataflow: DataflowContract, engine: EngineProfile, inputs: Path, out: Path
) -> RunRequest:
    """Return what the platform asks of a runner."""
    return RunRequest(
        identity=RunIdentity("parity", "transform", 1),
        dataflow=str(dataflow.identity),
        contract_version=dataflow.version,
        targets=tuple(output.name for output in dataflow.outputs),
        params=resolve_params(dataflow.params, {}),
        inputs={
            declared.name: (str(inputs / f"{declared.name}.parquet"),)
            for declared in dataflow.inputs
        },
        staging=str(out),
        engine=engine,
    )


def served(request: RunRequest) -> RunResult:
    """Return a runner's result."""
    command = (str(TRANSFORMS_PYTHON), "-m", "isthmus_transforms.runner")
    transcript = run_conformance(Subject(command, request, alike()))
    result = transcript.answers[-1]
    assert isinstance(result, RunResult), transcript.log
    return result


def staged(dataflow: DataflowContract, out: Path, result: RunResult) -> Content:
    """Return what a runner has staged."""
    metrics = {
        output.name: output.metrics for output in result.outputs if output.metrics is not None
    }
    return written(dataflow, out, metrics)


def asked(*command: str) -> str:
    """Return what a command printed, and expect it to succeed."""
    done = subprocess.run(
        command, env=alike(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alike() -> dict[str, str]:
    """Return an environment in which BLAS takes the kernels that it takes in a runner."""
    return {name: value for name, value in environment().items() if "BLAS" not in name}


def written(
    dataflow: DataflowContract, out: Path, metrics: Mapping[str, Mapping[str, float]]
) -> Content:
    """Return the content of a folder: rows in the order of the key, digests of files."""
    tables, files = {}, {}
    for output in dataflow.outputs:
        if isinstance(output, Table):
            place = out / output.name if output.partitioning else out / f"{output.name}.parquet"
            paths = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
            rows = pa.concat_tables(parquet.read_table(path) for path in paths)
            tables[output.name] = rows.sort_by([(column, "ascending") for column in output.key])
        elif isinstance(output, File):
            data = (out / f"{output.name}{output.suffix}").read_bytes()
            files[output.name] = hashlib.sha256(data).hexdigest()
    return Content(tables, files, metrics)


def check_same(found: Content, wanted: Content) -> None:
    """Expect the same columns, rows, files and metrics, numbers within the tolerance."""
    assert found.tables.keys() == wanted.tables.keys()
    for name, table in wanted.tables.items():
        rows = found.tables[name]
        kinds = [(column.name, column.type) for column in table.schema]
        assert [(column.name, column.type) for column in rows.schema] == kinds, name
        assert rows.num_rows == table.num_rows > 0, name
        for column in table.column_names:
            wanted_values, values = table[column].to_pylist(), rows[column].to_pylist()
            if pa.types.is_floating(table.schema.field(column).type):
                where = f"{name}.{column}"
                nulls = [value is None for value in wanted_values]
                assert [value is None for value in values] == nulls, where
                numbers = [value for value in values if value is not None]
                wanted_numbers = [value for value in wanted_values if value is not None]
                assert numbers == pytest.approx(
                    wanted_numbers, rel=TOLERANCE, abs=0, nan_ok=True
                ), where
            else:
                assert values == wanted_values, f"{name}.{column}"
    assert found.files == wanted.files
    for name, numbers in found.metrics.items():
        assert numbers == pytest.approx(wanted.metrics[name], rel=TOLERANCE, abs=0), name


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("route", [by_library, by_command, by_runner, by_stages, by_resuming])
def test_outside_of_airflow(  # noqa: PLR0913, PLR0917 - three of them are what is varied
    route: Callable[[DataflowContract, EngineProfile, Path, Path], Content],
    identity: str,
    engine: str,
    expected: dict[str, Content],
    inputs: dict[str, Path],
    tmp_path: Path,
) -> None:
    dataflow = CATALOG.dataflow(identity)
    made = route(dataflow, ENGINES[engine], inputs[identity], tmp_path)
    check_same(made, expected[identity])
    assert route is by_command or made.metrics.keys() == expected[identity].metrics.keys()


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "sequential"])
def test_in_airflow(engine: str, airflow: Airflow, expected: dict[str, Content]) -> None:
    made = in_airflow(airflow, ENGINES[engine])
    for identity in IDENTITIES:
        check_same(made[identity], expected[identity])


def test_checkpoints_change_nothing_in_airflow(
    airflow: Airflow, expected: dict[str, Content]
) -> None:
    for _ in ("saved", "reused"):
        made = in_airflow(airflow, ENGINES["sequential"], "checkpoints = true")
        for identity in IDENTITIES:
            check_same(made[identity], expected[identity])


def test_a_difference_is_noticed(expected: dict[str, Content]) -> None:
    wanted = expected["airport_days.v1"]
    days = wanted.tables["days"]
    number = next(column.name for column in days.schema if pa.types.is_floating(column.type))
    values = pa.array([(value or 0) * (1 + 1e-11) for value in days[number].to_pylist()])
    changed = days.set_column(days.schema.get_field_index(number), number, values)
    for tables in (
        {"days": changed},
        {"days": days.slice(1)},
        {"days": days.rename_columns([f"{name}_" for name in days.column_names])},
    ):
        with pytest.raises(AssertionError):
            check_same(Content(tables, wanted.files, wanted.metrics), wanted)
    with pytest.raises(AssertionError):
        check_same(Content(wanted.tables, {"delay_calendar": "0"}, wanted.metrics), wanted)
