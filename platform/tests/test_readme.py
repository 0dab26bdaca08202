"""The README's example of reading a release runs as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from isthmus_contracts import Table
from isthmus_contracts.catalog import FLIGHT_DELAYS
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.releases import Release, ReleasedTable
from isthmus_platform.lake.releases.models import document_of
from isthmus_platform.lake.releases.pointer import append_move
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import DiskStore

README = Path(__file__).parents[1] / "README.md"


def publish(lake: Lake) -> None:
    """Make a release whose table has two rows, and after it a version that no release has."""
    make_lake(lake)
    identity, table = FLIGHT_DELAYS.identity, FLIGHT_DELAYS.output("flight_features")
    assert isinstance(table, Table)
    values = {"string": "x", "float64": 1.0, "bool": True}
    row = {
        column.name: column.choices[0] if column.choices else values.get(column.type, 1)
        for column in table.columns
    }
    folder = lake.table(identity, table.name)
    versions = []
    for count in (2, 1):
        rows = pa.Table.from_pylist(
            [row | {"flight": number + 1} for number in range(count)], arrow_schema(table)
        )
        files = write_table(folder, table, rows.to_batches())
        versions.append(commit(folder, table, files, f"{count} rows"))
    release = Release(
        *("abc-1", str(identity), FLIGHT_DELAYS.version, "code", "run-1", "0" * 64),
        created_at="2013-01-01T00:00:00+00:00",
        params={},
        inputs={},
        tables={table.name: ReleasedTable(folder.key, versions[0], 2, {})},
        files={},
        metrics={},
    )
    write_once(document_of(lake, identity, release.id), release)
    assert append_move(lake.pointer(identity), None, release.id, "publish", "run-1")


def test_the_example_reads_the_rows_of_the_current_release(tmp_path: Path) -> None:
    publish(Lake(DiskStore(tmp_path / "lake")))
    text = README.read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?from isthmus_platform import .*?)```", text, re.DOTALL)
    deployment = f'[lake]\nroot = "{tmp_path / "lake"}"\n[runs]\nroot = "{tmp_path / "runs"}"\n'
    (tmp_path / "company.toml").write_text(deployment, encoding="utf-8")
    # Threads of Delta's and Arrow's libraries sometimes abort a process that ends at once after it
    # has read: the example has done its work by then, so the test ends the process itself.
    shown = "import os\nprint(rows.num_rows, flush=True)\nos._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", f"{example}\n{shown}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
