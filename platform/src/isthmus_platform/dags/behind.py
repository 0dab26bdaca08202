"""The part of a DAG's page that says which dataflows it is behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import get_parsing_context

from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import PlatformError
from isthmus_platform.lake.releases.status import status_of
from isthmus_platform.lake_access import open_lake
from isthmus_platform.markdown import literal

_GRACE = timedelta(hours=1)  # a reader may be computing; and each change of a page is a DAG version


def behind_notice(dataflow: DeployedDataflow) -> str | None:
    """Return Markdown that says which upstream dataflows published an hour ago or more, if any.

    Only a lake in a directory is read: where Airflow parses files, it has no credential of a
    bucket. If the lake cannot be read, the page has no notice.
    """
    for_a_task = get_parsing_context().dag_id is not None  # then nobody reads the page
    if for_a_task or not dataflow.contract.upstream or dataflow.deployment.lake.is_bucket:
        return None
    try:
        lake = open_lake(dataflow.deployment)
        behind = status_of(lake, dataflow.contract).behind
    except (PlatformError, OSError):
        return None
    before = lake.clock() - _GRACE
    lines = [
        f"**This dataflow is {literal(str(upstream))}.** Run it, or unpause it, to catch up."
        for upstream in behind
        if upstream.since is not None and datetime.fromisoformat(upstream.since) < before
    ]
    return "\n\n".join(lines) or None
