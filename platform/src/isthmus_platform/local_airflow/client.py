"""A thin client of Airflow's public API: dataclasses in and out, HTTP inside."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from isthmus_platform.local_airflow.errors import AirflowError
from isthmus_platform.local_airflow.models import (
    AssetEvent,
    Dag,
    ImportFailure,
    LogLine,
    Run,
    Task,
    line_from,
    run_from,
    task_from,
)
from isthmus_platform.local_airflow.settings import PASSWORD, USER

__all__ = ["AssetEvent", "Client", "Dag", "ImportFailure", "LogLine", "Run", "Task"]

_PAGE_ROWS = 100
_POLL_SECONDS = 0.2
_MAX_QUEUED_SECONDS = 30.0
_HEADER = "::group::Log message source details"
_HEADER_END = "::endgroup::"


class Client:
    """Send requests to one Airflow; use it as a context manager, or call `close`."""

    def __init__(
        self,
        url: str,
        *,
        user: str = USER,
        password: str = PASSWORD,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._login = {"username": user, "password": password}
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return the address of Airflow's page."""
        return str(self._http.base_url).rstrip("/")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def dags(self) -> list[Dag]:
        """Return every DAG that Airflow currently finds in a file."""
        return [
            Dag(
                page["dag_id"],
                page["dag_display_name"],
                page["is_paused"],
                page["has_import_errors"],
                page["file_token"],
            )
            for page in self._pages("/dags", "dags")
        ]

    def dag(self, dag: str) -> Dag | None:
        """Return one DAG, or None while Airflow does not know it."""
        return next((found for found in self.dags() if found.id == dag), None)

    def versions(self, dag: str) -> list[int]:
        """Return the numbers of a DAG's versions, the first one first."""
        versions = self._pages(f"/dags/{_quoted(dag)}/dagVersions", "dag_versions")
        return sorted(version["version_number"] for version in versions)

    def pools(self) -> dict[str, int]:
        """Return the number of slots of each pool; -1 stands for any number."""
        return {pool["name"]: pool["slots"] for pool in self._pages("/pools", "pools")}

    def import_errors(self) -> list[ImportFailure]:
        """Return why DAG files could not be imported."""
        return [
            ImportFailure(page["filename"], page["stack_trace"])
            for page in self._pages("/importErrors", "import_errors")
        ]

    def reparse(self, dag: Dag) -> None:
        """Request that the DAG's file is parsed again now, unless that was requested already."""
        try:
            self.request("PUT", f"/parseDagFile/{_quoted(dag.file_token)}")
        except AirflowError as error:
            if error.status != httpx.codes.CONFLICT:
                raise

    def trigger(self, dag: str, params: Mapping[str, object] | None = None) -> str:
        """Start a run and return its id; raise `AirflowError` if Airflow refuses the params."""
        body = {"logical_date": None, "conf": dict(params or {})}
        run_id: str = self.request("POST", f"/dags/{_quoted(dag)}/dagRuns", body)["dag_run_id"]
        return run_id

    def run(self, dag: str, run_id: str) -> Run:
        """Return a run as it is now."""
        return run_from(self.request("GET", _run_path(dag, run_id)))

    def runs(self, dag: str = "~") -> list[Run]:
        """Return the runs of a DAG, or of all, oldest first."""
        return [run_from(page) for page in self._pages(f"/dags/{_quoted(dag)}/dagRuns", "dag_runs")]

    def wait(self, dag: str, run_id: str, timeout: float, interval: float = _POLL_SECONDS) -> Run:
        """Return a run when it has ended; raise `TimeoutError` if it has not after `timeout` s."""
        deadline = time.monotonic() + timeout
        while not (now := self.run(dag, run_id)).finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id!r} of {dag!r} is {now.state} after {timeout:g} s")
            time.sleep(interval)
        return now

    def fail(self, dag: str, run_id: str) -> None:
        """Mark a run as failed, which stops its tasks."""
        self.request("PATCH", _run_path(dag, run_id), {"state": "failed"})

    def clear(self, dag: str, run_id: str, tasks: Sequence[str] | None = None) -> list[str]:
        """Clear tasks of a run, by default all, and the tasks after them; return their ids."""
        body: dict[str, object] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "include_downstream": True,
        }
        if tasks is not None:
            body["task_ids"] = list(tasks)
        answer = self.request("POST", f"/dags/{_quoted(dag)}/clearTaskInstances", body)
        return [task["task_id"] for task in answer["task_instances"]]

    def tasks(self, dag: str, run_id: str) -> list[Task]:
        """Return the tasks of a run, in the order in which they started."""
        found = [
            task_from(page)
            for page in self._pages(f"{_run_path(dag, run_id)}/taskInstances", "task_instances")
        ]
        return sorted(found, key=lambda task: (task.start is None, task.start or 0))

    def log(
        self, dag: str, run_id: str, task: str, try_number: int = 1, map_index: int = -1
    ) -> list[LogLine]:
        """Return the log of one attempt of a task, without Airflow's header about its file."""
        return self.log_and_files(dag, run_id, task, try_number, map_index)[0]

    def log_and_files(
        self, dag: str, run_id: str, task: str, try_number: int = 1, map_index: int = -1
    ) -> tuple[list[LogLine], list[str]]:
        """Return the log of one attempt of a task, and the paths of the files that hold it."""
        path = f"{_run_path(dag, run_id)}/taskInstances/{_quoted(task)}/logs/{try_number}"
        query = {"full_content": True, "map_index": map_index}
        content = self.request("GET", path, query=query)["content"]
        lines = [line_from(record) for record in content]
        texts = [line.text for line in lines]
        if texts[:1] != [_HEADER] or _HEADER_END not in texts:
            return lines, []
        end = texts.index(_HEADER_END)
        return lines[end + 1 :], texts[1:end]

    def asset_events(self, dag: str, run_id: str) -> list[AssetEvent]:
        """Return the asset events of a run, with the runs that each event triggered.

        Airflow 3.3.2 answers 500 while a triggered run is queued: repeat the request until then.
        """
        query = {"source_dag_id": dag, "source_run_id": run_id}
        deadline = time.monotonic() + _MAX_QUEUED_SECONDS
        while True:
            try:
                found = self._pages("/assets/events", "asset_events", query)
                break
            except AirflowError as error:
                if error.status != httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                    raise
            time.sleep(_POLL_SECONDS)
        return [
            AssetEvent(
                asset=event["name"],
                timestamp=datetime.fromisoformat(event["timestamp"]),
                triggered=tuple((run["dag_id"], run["run_id"]) for run in event["created_dagruns"]),
                extra=event["extra"] or {},
            )
            for event in found
        ]

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return Airflow's answer to a request; `path` is below `/api/v2`.

        Raise `AirflowError` if Airflow refuses it or does not answer.
        """
        if "Authorization" not in self._http.headers:
            self._log_in()
        answer = self._send(method, f"/api/v2{path}", body, query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # a token lasts a day
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", body, query)
        return _decoded(answer)

    def _pages(
        self, path: str, name: str, query: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            position = {"limit": _PAGE_ROWS, "offset": len(found)}
            answer = self.request("GET", path, query={**(query or {}), **position})
            found += answer[name]
            if len(found) >= answer["total_entries"] or not answer[name]:
                return found

    def _log_in(self) -> None:
        self._http.headers.pop("Authorization", None)
        token = _decoded(self._send("POST", "/auth/token", self._login))["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def _send(
        self, method: str, path: str, body: object, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            where = self._http.base_url
            raise AirflowError(None, f"Airflow at {where} does not answer: {error}") from None


def _decoded(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json() if answer.content else {}
    except ValueError:
        content = {"detail": answer.text[:500]}
    if answer.is_success:
        return content if isinstance(content, dict) else {}
    detail = content.get("detail") if isinstance(content, dict) else content
    raise AirflowError(answer.status_code, _sentence(detail) or answer.reason_phrase)


def _sentence(detail: object) -> str:
    """Return Airflow's reason as text; for a refused body, it is a list of fields and reasons."""
    if isinstance(detail, list):
        return "; ".join(_sentence(part) for part in detail)
    if isinstance(detail, dict):
        where = ".".join(str(part) for part in detail.get("loc", ()))
        text = str(detail.get("msg") or detail.get("reason") or detail)
        return f"{where}: {text}" if where else text
    return str(detail or "").split("\n\n")[0]  # the param's schema and value follow


def _quoted(part: str) -> str:
    return quote(part, safe="~")


def _run_path(dag: str, run_id: str) -> str:
    return f"/dags/{_quoted(dag)}/dagRuns/{_quoted(run_id)}"
