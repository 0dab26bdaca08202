from __future__ import annotations

import pytest

from isthmus_platform.local_airflow.models import Run, Task


@pytest.mark.parametrize(
    ("state", "finished"),
    [("queued", False), ("running", False), ("success", True), ("failed", True)],
)
def test_a_run_is_finished_with_success_or_not(state: str, *, finished: bool) -> None:
    assert Run("d", "r", state, None, None, None, None).finished is finished


def test_a_mapped_task_is_named_by_its_index() -> None:
    assert Task("transform", None, 1, None, None, None).name == "transform"
    assert Task("transform", None, 1, None, None, None, map_index=3).name == "transform[3]"
    assert Task("transform", None, 1, None, None, None, map_index=0).name == "transform[0]"
