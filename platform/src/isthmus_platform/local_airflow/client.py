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
)
from isthmus_platform.local_airflow.settings import PASSWORD, USER

__all__ = ["AssetEvent", "Client", "Dag", "ImportFailure", "LogLine", "Run", "Task"]

_PAGE = 100
_INTERVAL = 0.2
_QUEUED = 30.0
_NOTE = "::group::Log message source details"
_NOTE_END = "::endgroup::"


class Client:
    """Speak with one Airflow; use it as a context manager, or call `close`."""

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

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def dags(self) -> list[Dag]:
        """Return every DAG that Airflow knows and still finds in its file."""
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
        return next((each for each in self.dags() if each.id == dag), None)

    def versions(self, dag: str) -> list[int]:
        """Return the numbers of a DAG's versions, the first one first."""
        found = self._pages(f"/dags/{_safe(dag)}/dagVersions", "dag_versions")
        return sorted(result["version_number"] for result in found)

    def import_errors(self) -> list[ImportFailure]:
        """Return why DAG files could not be imported."""
        return [
            ImportFailure(page["filename"], page["stack_trace"])
            for page in self._pages("/importErrors", "import_errors")
        ]

    def reparse(self, dag: Dag) -> None:
        """Ask for the DAG's file to be read again now, unless somebody has asked already."""
        try:
            self._ask("PUT", f"/parseDagFile/{_safe(dag.file_token)}")
        except AirflowError as error:
            if error.status != httpx.codes.CONFLICT:
                raise

    def trigger(self, dag: str, params: Mapping[str, object] | None = None) -> str:
        """Start a run and return its id; raise `AirflowError` if Airflow refuses the params."""
        body = {"logical_date": None, "conf": dict(params or {})}
        run_id: str = self._ask("POST", f"/dags/{_safe(dag)}/dagRuns", body)["dag_run_id"]
        return run_id

    def run(self, dag: str, run_id: str) -> Run:
        """Return a run as it is now."""
        return _run(self._ask("GET", _run_path(dag, run_id)))

    def runs(self, dag: str = "~") -> list[Run]:
        """Return the runs of a DAG, or of all, oldest first."""
        return [_run(page) for page in self._pages(f"/dags/{_safe(dag)}/dagRuns", "dag_runs")]

    def wait(self, dag: str, run_id: str, timeout: float, interval: float = _INTERVAL) -> Run:
        """Return a run when it has ended; raise `TimeoutError` if it does not in time."""
        deadline = time.monotonic() + timeout
        while not (now := self.run(dag, run_id)).finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id!r} of {dag!r} is {now.state} after {timeout:g} s")
            time.sleep(interval)
        return now

    def fail(self, dag: str, run_id: str) -> None:
        """Mark a run failed, which stops its tasks."""
        self._ask("PATCH", _run_path(dag, run_id), {"state": "failed"})

    def clear(self, dag: str, run_id: str, tasks: Sequence[str] | None = None) -> list[str]:
        """Clear tasks of a run, by default all, with what follows them; return their ids."""
        body: dict[str, object] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "include_downstream": True,
        }
        if tasks is not None:
            body["task_ids"] = list(tasks)
        answer = self._ask("POST", f"/dags/{_safe(dag)}/clearTaskInstances", body)
        return [each["task_id"] for each in answer["task_instances"]]

    def tasks(self, dag: str, run_id: str) -> list[Task]:
        """Return the tasks of a run, in the order in which they started."""
        found = [
            Task(
                id=page["task_id"],
                state=page["state"],
                try_number=page["try_number"],
                start=_moment(page["start_date"]),
                end=_moment(page["end_date"]),
                duration=page["duration"],
                map_index=page["map_index"],
            )
            for page in self._pages(f"{_run_path(dag, run_id)}/taskInstances", "task_instances")
        ]
        return sorted(found, key=lambda task: (task.start is None, task.start or 0))

    def log(
        self, dag: str, run_id: str, task: str, try_number: int = 1, map_index: int = -1
    ) -> list[LogLine]:
        """Return the log of one attempt of a task, without Airflow's note on where it lies."""
        path = f"{_run_path(dag, run_id)}/taskInstances/{_safe(task)}/logs/{try_number}"
        query = {"full_content": True, "map_index": map_index}
        content = self._ask("GET", path, query=query)["content"]
        lines = [_line(each) for each in content]
        texts = [line.text for line in lines]
        if texts[:1] == [_NOTE] and _NOTE_END in texts:
            return lines[texts.index(_NOTE_END) + 1 :]
        return lines

    def asset_events(self, dag: str, run_id: str) -> list[AssetEvent]:
        """Return the events that a run announced, with the runs that each has triggered.

        Airflow 3.3.2 answers 500 here as long as a triggered run is queued: ask until it is not.
        """
        query = {"source_dag_id": dag, "source_run_id": run_id}
        deadline = time.monotonic() + _QUEUED
        while True:
            try:
                found = self._pages("/assets/events", "asset_events", query)
                break
            except AirflowError as error:
                if error.status != httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                    raise
            time.sleep(_INTERVAL)
        return [
            AssetEvent(
                asset=result["name"],
                timestamp=datetime.fromisoformat(result["timestamp"]),
                triggered=tuple(
                    (run["dag_id"], run["run_id"]) for run in result["created_dagruns"]
                ),
                extra=result["extra"] or {},
            )
            for result in found
        ]

    def _pages(
        self, path: str, name: str, query: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            place = {"limit": _PAGE, "offset": len(found)}
            answer = self._ask("GET", path, query={**(query or {}), **place})
            found += answer[name]
            if len(found) >= answer["total_entries"] or not answer[name]:
                return found

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if "Authorization" not in self._http.headers:
            self._log_in()
        answer = self._send(method, f"/api/v2{path}", body, query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # a token lasts a day
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", body, query)
        return _decoded(answer)

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
    """Return Airflow's reason as text; a refused body has a list of places and reasons."""
    if isinstance(detail, list):
        return "; ".join(_sentence(each) for each in detail)
    if isinstance(detail, dict):
        where = ".".join(str(each) for each in detail.get("loc", ()))
        text = str(detail.get("msg") or detail.get("reason") or detail)
        return f"{where}: {text}" if where else text
    return str(detail or "").split("\n\n")[0]  # a param's schema and value follow


def _run(each: Mapping[str, Any]) -> Run:
    return Run(
        dag=each["dag_id"],
        id=each["dag_run_id"],
        state=each["state"],
        triggered_by=each["triggered_by"],
        queued=_moment(each["queued_at"]),
        start=_moment(each["start_date"]),
        end=_moment(each["end_date"]),
    )


def _line(each: Mapping[str, Any] | str) -> LogLine:
    if isinstance(each, str):
        return LogLine(each)
    known = ("event", "level", "logger", "timestamp")
    return LogLine(
        text=each["event"],
        level=each.get("level"),
        logger=each.get("logger"),
        timestamp=_moment(each.get("timestamp")),
        fields={name: value for name, value in each.items() if name not in known},
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _safe(part: str) -> str:
    return quote(part, safe="~")


def _run_path(dag: str, run_id: str) -> str:
    return f"/dags/{_safe(dag)}/dagRuns/{_safe(run_id)}"
