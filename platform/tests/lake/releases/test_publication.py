from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract, ParamValue
from isthmus_platform.errors import LakeError, PublicationError
from isthmus_platform.lake.delta.tables import files_of, latest_version
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current, pin, releases
from isthmus_platform.storage import Location

Accept = Callable[..., Accepted]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def carriers_of(lake: Lake, of: Release) -> list[str]:
    table = pin(of, "carriers")
    (file,) = files_of(lake.path(table.table), table.version)
    return parquet.ParquetFile(file.local()).read()["carrier"].to_pylist()


class TestPublish:
    @on_both
    def test_a_release_pins_everything(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        inputs = {"flights": Pin("sources/nyc/flights", 4), "days": Pin("x", 1, "abc")}
        params: dict[str, ParamValue] = {"origin": "all", "n": 3, "of": ["a", 1], "by": {"x": 0.5}}
        made = publish(lake, dataflow, ready, params=params, inputs=inputs)
        assert (made.dataflow, made.contract_version, made.run) == ("delays.v2", "2.1.0", "first")
        assert (made.code_version, made.digest) == ("abc123", ready.digest)
        assert (made.params, made.inputs) == (params, inputs)
        assert {name: table.rows for name, table in made.tables.items()} == {
            "days": 2,
            "carriers": 1,
        }
        assert made.metrics == {"quality": {"auc": 0.5}}
        report = lake.path(made.files["report"].path).local()
        assert report.read_text(encoding="utf-8") == "<p>first"
        assert carriers_of(lake, made) == ["first"]
        assert current(lake, dataflow.identity) == made

    def test_nothing_is_current_before(self, lake: Lake, dataflow: DataflowContract) -> None:
        assert current(lake, dataflow.identity) is None
        assert releases(lake, dataflow.identity) == ()

    @on_both
    def test_the_next_release_is_current_and_the_first_stays_whole(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second = published("first"), published("second")
        assert releases(lake, dataflow.identity) == ((second, True), (first, False))
        assert [carriers_of(lake, made) for made in (first, second)] == [["first"], ["second"]]

    @on_both
    def test_a_repetition_changes_nothing(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        first = publish(lake, dataflow, ready, params={}, inputs={})
        before = list(lake.store.walk(""))
        assert publish(lake, dataflow, ready, params={"other": 1}, inputs={}) == first
        assert list(lake.store.walk("")) == before

    @on_both
    def test_another_attempt_of_a_run_publishes_the_same_content_anew(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        one, two = accepted(), accepted()
        first = publish(lake, dataflow, one, params={}, inputs={})
        between = publish(lake, dataflow, replace(two, run="other"), params={}, inputs={})
        second = publish(lake, dataflow, two, params={}, inputs={})
        assert (first.run, first.digest) == (second.run, second.digest)
        assert releases(lake, dataflow.identity) == (
            (second, True),
            (between, False),
            (first, False),
        )
        own = [file.path for file in two.output("days").files]
        days = lake.table(dataflow.identity, "days")
        assert [file.key for file in files_of(days, second.tables["days"].version)] == own

    def test_a_repetition_needs_no_files(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        first = publish(lake, dataflow, ready, params={}, inputs={})
        for output in ready.outputs:
            for file in output.files:
                lake.path(file.path).remove()
        assert publish(lake, dataflow, ready, params={}, inputs={}) == first

    def test_of_two_repetitions_at_once_the_first_document_counts(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def conflicting(place: Location, document: Release) -> None:
            write_once(place, replace(document, code_version="first"))
            write_once(place, document)

        monkeypatch.setattr(publication, "write_once", conflicting)
        assert published().code_version == "first"
        assert len(releases(lake, dataflow.identity)) == 1

    @on_both
    def test_a_late_repetition_does_not_move_current_back(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted("first")
        first = publish(lake, dataflow, ready, params={}, inputs={})
        second = publish(lake, dataflow, accepted("second"), params={}, inputs={})
        assert publish(lake, dataflow, ready, params={}, inputs={}) == first
        assert current(lake, dataflow.identity) == second

    def test_a_cleared_run_with_another_result_publishes_anew(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, corrected = published("first"), published("first", gust=[1.0, 2.0])
        assert first.id != corrected.id
        assert current(lake, dataflow.identity) == corrected

    def test_the_same_content_of_another_run_is_another_release(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        first = publish(lake, dataflow, ready, params={}, inputs={})
        second = publish(lake, dataflow, replace(ready, run="second"), params={}, inputs={})
        assert first.id != second.id
        assert current(lake, dataflow.identity) == second

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (
                lambda a: replace(a, outputs=a.outputs[1:]),
                "accepted are carriers, quality, report; a release has days, carriers, report",
            ),
            (lambda a: replace(a, outputs=()), "accepted are no outputs"),
            (lambda a: replace(a, dataflow="delays.v1"), "accepted is 'delays.v1'"),
            (lambda a: replace(a, contract_version="2.0.0"), "in contract version '2.0.0'"),
        ],
    )
    def test_an_incomplete_release_is_refused(
        self,
        accepted: Accept,
        lake: Lake,
        dataflow: DataflowContract,
        change: Callable[[Accepted], Accepted],
        problem: str,
    ) -> None:
        with pytest.raises(PublicationError) as caught:
            publish(lake, dataflow, change(accepted()), params={}, inputs={})
        assert problem in str(caught.value)
        assert current(lake, dataflow.identity) is None

    @on_both
    def test_a_missing_file_is_refused_before_anything_is_committed(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        lake.path(ready.outputs[2].files[0].path).remove()
        with pytest.raises(PublicationError, match=r"the accepted file .* is gone"):
            publish(lake, dataflow, ready, params={}, inputs={})
        assert latest_version(lake.table(dataflow.identity, "days")) is None

    def test_a_path_outside_the_lake_is_refused(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted()
        file = replace(ready.outputs[0].files[0], path="../../etc/passwd")
        outputs = (replace(ready.outputs[0], files=(file,)), *ready.outputs[1:])
        with pytest.raises(LakeError, match="not a path within the lake"):
            publish(lake, dataflow, replace(ready, outputs=outputs), params={}, inputs={})
