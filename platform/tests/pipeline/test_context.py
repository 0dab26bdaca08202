"""How a task is stopped from outside, and what it may use without Airflow."""

from __future__ import annotations

import pytest

from isthmus_platform.errors import SourceError
from isthmus_platform.pipeline.context import Cancellation, RunContext


def test_a_request_stops_the_task_that_registered() -> None:
    cancellation, stopped = Cancellation(), []
    cancellation.on_request(lambda: stopped.append("runner"))
    assert (cancellation.requested, stopped) == (False, [])
    cancellation.request()
    assert (cancellation.requested, stopped) == (True, ["runner"])


def test_a_task_that_registers_after_the_request_is_stopped_at_once() -> None:
    cancellation, stopped = Cancellation(), []
    cancellation.request()
    cancellation.on_request(lambda: stopped.append("runner"))
    assert stopped == ["runner"]


def test_without_airflow_no_connection_can_be_opened() -> None:
    with pytest.raises(SourceError, match="'erp': no connection can be opened here"):
        RunContext("run", "ingest").connect("erp")
