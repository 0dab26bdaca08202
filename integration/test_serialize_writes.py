"""Requests that write at once do not wait for each other until SQLite gives up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conftest import Airflow

from isthmus_platform.local_airflow import Client

WRITERS = 4
VARIABLES = 25


def test_many_write_at_once(airflow: Airflow) -> None:
    def write(writer: int) -> None:
        with Client(airflow.up.url) as client:
            for number in range(VARIABLES):
                body = {"key": f"{writer}-{number}", "value": "written"}
                client.request("POST", "/variables", body)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    written = airflow.client.request("GET", "/variables", query={"limit": 1})["total_entries"]
    assert written == WRITERS * VARIABLES
