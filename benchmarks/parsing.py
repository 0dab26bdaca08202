"""Parse a DAG file as Airflow does: a program, so that each parse has a process of its own.

`python parsing.py FILE` prints a JSON object with the seconds of the parse, once Airflow has been
imported. `python parsing.py FILE DAG` parses as a worker does that runs a task of this DAG, imports
before what our DAG file imports, and measures that, the rest, and a second parse separately.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# What a process that runs a task has imported before it parses.
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.sdk import DAG
from airflow.sdk.execution_time import supervisor, task_runner
from airflow.serialization.serialized_objects import DagSerialization
from clock import seconds

AIRFLOW = (supervisor, task_runner)
_WHERE = ("fileloc", "relative_fileloc")


def dags_of(file: Path) -> Mapping[str, DAG]:
    """Return the DAGs of a file, read as by a process that runs a task."""
    bag = BundleDagBag(
        str(file),
        safe_mode=False,
        load_op_links=False,
        bundle_path=file.parent,
        bundle_name="measured",
    )
    assert bag.import_errors == {}, bag.import_errors
    return bag.dags


def parts_of_parse(file: Path) -> Mapping[str, float]:
    """Measure one by one what our DAG file imports, and what is left of the parse then."""
    return {
        "contracts": seconds(_import_contracts),
        "catalog": seconds(_import_catalog),
        "platform": seconds(_import_platform),
        "dags": seconds(lambda: dags_of(file)),
        "again": seconds(lambda: dags_of(file)),
    }


def _import_contracts() -> None:
    import isthmus_contracts  # noqa: F401, PLC0415 - that is measured


def _import_catalog() -> None:
    import isthmus_contracts.catalog  # noqa: F401, PLC0415 - likewise


def _import_platform() -> None:
    import isthmus_platform.dags.builder  # noqa: F401, PLC0415 - likewise


def digest_of(dags: Mapping[str, DAG]) -> str:
    """Return a digest of DAGs as Airflow stores them, without the paths of their files."""
    found = hashlib.sha256()
    for name, dag in sorted(dags.items()):
        plain = DagSerialization.to_dict(dag)
        stored = {key: value for key, value in plain["dag"].items() if key not in _WHERE}
        found.update(f"{name} {json.dumps(stored, sort_keys=True)}\n".encode())
    return found.hexdigest()


def main(file: Path, dag: str | None = None) -> Mapping[str, float]:
    """Measure a parse."""
    if dag is None:
        return {"seconds": seconds(lambda: dags_of(file))}
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag  # as Airflow sets it in a worker
    return parts_of_parse(file)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), *sys.argv[2:])))
