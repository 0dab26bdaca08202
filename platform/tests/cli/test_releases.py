from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, STATION_DAYS
from isthmus_platform.cli import main
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.releases.publication import publish as publish_it
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import DiskStore

Said = tuple[int, str, str]
Publish = Callable[[Lake, str], releases.Release]
Call = Callable[..., Said]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("ISTHMUS_STATE", "ISTHMUS_DEPLOYMENT", "ISTHMUS_TRANSFORMS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    made = Lake(DiskStore(tmp_path / "var" / "lake"))
    make_lake(made)
    return made


@pytest.mark.parametrize("command", ["show", "diff", "tables", "gc"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main([command, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: isthmus-platform {command} ")


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "pracel"], "unknown dataflow 'pracel'; known: 'parcel_delays'"),
        (["show", "station_days"], "station_days.v1 has published no release yet; run it first"),
        (["show", "station_days", "x"], "unknown release 'x' of dataflow 'station_days.v1'"),
        (["tables", "station_days"], "station_days.v1 has published no release yet"),
        (["diff", "station_days", "x", "y"], "unknown release 'x' of dataflow 'station_days.v1'"),
        (["gc", "pracel"], "unknown dataflow 'pracel'; known: 'parcel_delays'"),
        (
            ["gc", "--keep-days", "0"],
            "keep-days is 0; allowed: 1 or more, or with --force",
        ),
        (["gc", "--keep-days", "nan"], "keep-days is nan; allowed: 1 or more"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(call: Call, arguments: list[str], message: str) -> None:
    status, _, error = call(*arguments)
    assert status == 2
    *said, mistake = error.splitlines()
    assert mistake.startswith("isthmus-platform: ")
    assert message in mistake
    assert all(line.startswith("lake: file:///") for line in said)


def publish_month(lake: Lake, name: str, **params: str) -> releases.Release:
    """Publish one month of courier_days."""
    (table,) = COURIER_DAYS.partitioned
    assert table.partitioning is not None
    interval = table.partitioning.interval(name)
    row = {
        "date": interval.start,
        "carrier": "UA",
        "carrier_name": None,
        "parcels": 1,
        "late_share": 0.5,
        "mean_arr_delay": 1.0,
    }
    folder = lake.table(COURIER_DAYS.identity, table.name)
    rows = pa.Table.from_pylist([row], arrow_schema(table)).to_batches()
    (file,) = write_table(folder, table, rows)
    key = (folder / file.name).key
    output = AcceptedOutput(table.name, (AcceptedFile(key, file.bytes, "0" * 64, 1, name),))
    accepted = Accepted(
        *("courier_days.v1", "1.0.0", "code", f"run {name}"),
        (output,),
        interval=interval,
        revision="abc-dirty",
    )
    return publish_it(lake, COURIER_DAYS, accepted, params=params, inputs={})


def test_partitions_are_shown_with_their_runs(lake: Lake, call: Call) -> None:
    first, second = (publish_month(lake, name) for name in ("2013-01", "2013-02"))
    status, said, _ = call("show", "courier_days")
    assert status == 0
    assert "interval  2013-02-01 to before 2013-03-01" in said
    assert "part      courier_days 2013-01  1 rows, by run run 2013-01" in said
    assert "part      courier_days 2013-02  1 rows, by run run 2013-02" in said
    status, said, _ = call("diff", "courier_days", first.id, second.id)
    assert status == 0
    assert "courier_days 2013-02" in said
    assert "courier_days 2013-01" not in said


def test_a_release_is_shown_by_default_the_current_one(
    lake: Lake, publish: Publish, call: Call
) -> None:
    first, second = (publish(lake, run) for run in ("run-1", "run-2"))
    status, said, _ = call("show", "station_days")
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == f"release   {second.id} of station_days.v1, current"
    assert lines[1].endswith("UTC, by run run-2")
    assert lines[2] == "made by   contract 1.0.0, code code"
    assert lines[3].startswith("input     parcel_features  var/lake/dataflows/parcel_delays/v1/")
    assert lines[3].endswith("(version 1)")
    assert [line.split()[:3] for line in lines[4:]] == [
        ["output", "days", "1"],
        ["output", "delay_calendar", "7"],
    ]
    said = call("show", "station_days", first.id)[1]
    assert said.startswith(f"release   {first.id} of station_days.v1\n")


def test_what_differs_is_shown_and_that_nothing_does(
    lake: Lake, publish: Publish, call: Call
) -> None:
    first, second = (publish(lake, run) for run in ("run-1", "run-2"))
    status, said, _ = call("diff", "station_days", first.id, second.id)
    assert status == 0
    head, row = said.splitlines()
    assert head.split() == [first.id, second.id]
    assert row.split()[:2] == ["input", "parcel_features"]
    assert call("diff", "station_days", first.id, first.id)[1] == (
        f"releases {first.id} and {first.id} do not differ\n"
    )


def test_places_are_given_as_text_and_as_json(lake: Lake, publish: Publish, call: Call) -> None:
    first, _ = (publish(lake, run) for run in ("run-1", "run-2"))
    days = lake.table(STATION_DAYS.identity, "days")
    picture = lake.path(first.files["delay_calendar"].path).address
    assert call("tables", "station_days", first.id)[1].splitlines() == [
        f"release {first.id} of station_days.v1",
        f"table  days  {days.address}  version 0",
        f"file   delay_calendar  {picture}",
    ]
    plain = json.loads(call("tables", "station_days", first.id, "--format", "json")[1])
    assert plain == {
        "dataflow": "station_days.v1",
        "release": first.id,
        "tables": {"days": {"uri": days.address, "version": 0, "rows": 1}},
        "files": {"delay_calendar": picture},
    }
    table = plain["tables"]["days"]
    assert DeltaTable(table["uri"], version=table["version"]).to_pyarrow_table().num_rows == 1


def test_gc_lists_first_and_removes_with_yes(lake: Lake, publish: Publish, call: Call) -> None:
    made = publish(lake, "run-1")
    stray = lake.table(STATION_DAYS.identity, "days").local() / "stray.parquet"
    stray.write_bytes(b"12345")
    assert call("gc")[1] == "there is nothing to remove\n"
    old = time.time() - 31 * 24 * 3600
    os.utime(stray, (old, old))
    place = "dataflows/station_days/v1/tables/days/stray.parquet"
    assert call("gc", "station_days")[1].splitlines() == [
        f"              5  {place}",
        "would remove 0 releases and 1 file, 5 bytes",
        "nothing was removed; --yes removes it",
    ]
    assert stray.exists()
    assert call("gc", "parcel_delays", "--yes")[1] == "there is nothing to remove\n"
    assert call("gc", "--keep-days", "32", "--yes")[1] == "there is nothing to remove\n"
    assert call("gc", "--yes")[1].endswith("\nremoved 0 releases and 1 file, 5 bytes\n")
    assert not stray.exists()
    assert call("show", "station_days", made.id)[0] == 0


def test_no_file_name_controls_the_terminal(lake: Lake, publish: Publish, call: Call) -> None:
    publish(lake, "run-1")
    stray = lake.table(STATION_DAYS.identity, "days").local() / "a[b]\x1b]0;title\x07.parquet"
    stray.touch()
    os.utime(stray, (0, 0))
    said = call("gc")[1]
    assert r"/a[b]\x1b]0;title\x07.parquet" in said
    assert "\x1b" not in said


def test_a_removed_release_is_not_listed_and_refused_in_one_sentence(
    lake: Lake, publish: Publish, call: Call
) -> None:
    first, second = (publish(lake, run) for run in ("run-1", "run-2"))
    said = call("gc", "station_days", "--keep-days", "0", "--force", "--yes")[1]
    assert said.startswith(f"release  {first.id} of station_days.v1, of 2")
    assert "\nremoved 1 release and 3 files, " in said
    listed = call("releases", "station_days")[1]
    assert second.id in listed
    assert first.id not in listed
    for command in ("rollback", "show", "tables"):
        status, _, error = call(command, "station_days", first.id)
        assert status == 2
        named, mistake = error.splitlines()
        assert named == f"lake: {lake.address}"
        assert mistake.startswith(
            f"isthmus-platform: release {first.id} of station_days.v1 was removed by "
        )


def test_releases_and_one_of_them_are_given_as_json(
    lake: Lake, publish: Publish, call: Call
) -> None:
    assert json.loads(call("releases", "station_days", "--format", "json")[1]) == []
    first, second = (publish(lake, run) for run in ("run-1", "run-2"))
    listed = json.loads(call("releases", "station_days", "--format", "json")[1])
    assert [(found["id"], found["current"]) for found in listed] == [
        (second.id, True),
        (first.id, False),
    ]
    shown = json.loads(call("show", "station_days", first.id, "--format", "json")[1])
    assert (shown["id"], shown["run"], shown["current"]) == (first.id, "run-1", False)
    assert shown["inputs"]["parcel_features"]["version"] == 0
    assert shown["partitions"] == {}


def test_the_partitions_are_given_as_json(lake: Lake, call: Call) -> None:
    for name in ("2013-01", "2013-02"):
        publish_month(lake, name)
    shown = json.loads(call("show", "courier_days", "--format", "json")[1])
    parts = shown["partitions"]["courier_days"]
    assert {name: (part["run"], part["params"]) for name, part in parts.items()} == {
        "2013-01": ("run 2013-01", {}),
        "2013-02": ("run 2013-02", {}),
    }


def test_the_params_of_partitions_are_shown_where_they_differ(lake: Lake, call: Call) -> None:
    publish_month(lake, "2013-01", model="logistic")
    publish_month(lake, "2013-02", model="logistic")
    assert "with model" not in call("show", "courier_days")[1]
    publish_month(lake, "2013-03", model="boosting")
    said = call("show", "courier_days")[1]
    assert "courier_days 2013-02  1 rows, by run run 2013-02, with model = logistic" in said
    assert "courier_days 2013-03  1 rows, by run run 2013-03, with model = boosting" in said


def test_the_revision_of_the_code_is_shown(lake: Lake, call: Call) -> None:
    publish_month(lake, "2013-01")
    made_by = "made by   contract 1.0.0, code code, revision abc-dirty"
    assert made_by in call("show", "courier_days")[1].splitlines()
