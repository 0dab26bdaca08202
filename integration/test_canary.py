"""The secret of a connection is in no file that a run leaves."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import FLIGHT_DELAYS, Airflow
from pyarrow import parquet

from isthmus_platform.local_airflow.client import Run

CANARY = f"canary/{secrets.token_hex(12)}+s3cret"
CONNECTION = 'connection = "nyc_operations"'


@pytest.fixture(scope="module", autouse=True)
def connections(airflow: Airflow) -> None:
    """Store connections with secrets, as a person does; Airflow encrypts what it stores.

    SQLite knows no password, and ignores what it does not know in an address.
    """
    company = airflow.state / "company.sqlite"
    token = {"uri": "true", "token": CANARY, "password": CANARY}
    for name, more in {
        "secret": {"host": f"file:{company}", "extra": json.dumps(token)},
        "unavailable": {"host": "nowhere", "login": "reader", "password": CANARY},
    }.items():
        body = {"connection_id": name, "conn_type": "sqlite", **more}
        airflow.client.request("POST", "/connections", body)


@pytest.fixture(scope="module")
def runs(airflow: Airflow) -> list[Run]:
    """Run once with success, and once with a source whose address, password and all, is wrong."""
    found = []
    for name, state in (("secret", "success"), ("unavailable", "failed")):
        airflow.deploy((CONNECTION, f'connection = "{name}"'))
        run = airflow.run()
        assert run.state == state, airflow.log(run, "ingest")
        found.append(run)
    assert where(airflow, b"does not answer: unable to open database file") != []
    return found


def in_any_form(secret: str) -> list[bytes]:
    """Return the secret as it may be written: plain, quoted, in JSON or base64."""
    plain = secret.encode()
    shifted = (base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3))
    quoted = (quote(secret, safe=safe).encode() for safe in ("", "/", "+"))
    return [plain, plain[7:31], json.dumps(secret)[1:-1].encode(), *quoted, *shifted]


def everything(airflow: Airflow) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file: logs, database, lake, runs, the runner's home."""
    for path in sorted(airflow.state.rglob("*")):
        yield f"the name of {path}", str(path).encode()
        if path.is_file():
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"rows of {path}", str(parquet.read_table(path).slice(0, 50)).encode()
    database = airflow.state / "company.sqlite"
    assert database.exists()
    yield "the folder of the tests", "\n".join(map(str, Path.cwd().iterdir())).encode()


def where(airflow: Airflow, *forms: bytes) -> list[str]:
    """Return where any of these stands."""
    return [name for name, data in everything(airflow) if any(form in data for form in forms)]


@pytest.mark.usefixtures("runs")
def test_the_secret_of_a_connection_is_nowhere(airflow: Airflow) -> None:
    assert where(airflow, *in_any_form(CANARY)) == []


def test_what_is_no_secret_is_found_everywhere(airflow: Airflow, runs: list[Run]) -> None:
    # So that the search is known to look where something could be.
    found = "\n".join(where(airflow, runs[0].id.encode()))
    for place in ("/airflow/logs/", "/airflow/airflow.db", "/runs/", "/lake/"):
        assert place in found, found


def test_the_secret_is_in_no_answer_of_the_api(airflow: Airflow, runs: list[Run]) -> None:
    for run in runs:
        place = f"/dags/{FLIGHT_DELAYS}/dagRuns/{quote(run.id, safe='')}"
        tasks = airflow.client.request("GET", f"{place}/taskInstances")
        answers = [str(tasks), airflow.log(run, "ingest"), str(airflow.states(run))]
        for task in ("ingest", "transform", "publish"):
            entries = airflow.client.request("GET", f"{place}/taskInstances/{task}/xcomEntries")
            answers.append(str(entries))
        assert not any(form.decode() in text for text in answers for form in in_any_form(CANARY))
        assert "rendered_fields" in answers[0]
