from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.protocol import RunResult, StagedFile, StagedOutput
from isthmus_platform.errors import ResultError, StagingError, TableContractError, UserError
from isthmus_platform.lake.delta.tables import latest_version
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake

Stage = Callable[..., Any]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def files_in(lake: Lake) -> list[Path]:
    return [path for path in lake.store.local("").rglob("*") if not path.is_dir()]


def with_output(result: RunResult, name: str, **changes: object) -> RunResult:
    return replace(
        result,
        outputs=tuple(
            replace(output, **changes) if output.name == name else output
            for output in result.outputs
        ),
    )


def with_file(result: RunResult, name: str, **changes: object) -> RunResult:
    (file,) = next(output for output in result.outputs if output.name == name).files
    return with_output(result, name, files=(replace(file, **changes),))


@pytest.fixture
def refused(
    dataflow: DataflowContract, lake: Lake, encoder: LocalEncoder
) -> Callable[..., UserError]:
    """Expect a refusal after which the lake is empty."""

    def expect(error: type[UserError], staged: Any, result: RunResult | None = None) -> UserError:  # noqa: ANN401
        with pytest.raises(error) as caught:
            accept(dataflow, staged.request, result or staged.result, lake, encoder)
        assert files_in(lake) == []
        return caught.value

    return expect


Refused = Callable[..., UserError]


class TestAccept:
    @on_both
    def test_every_output_is_in_its_place(
        self, stage: Stage, dataflow: DataflowContract, lake: Lake, encoder: LocalEncoder
    ) -> None:
        staged = stage()
        accepted = accept(dataflow, staged.request, staged.result, lake, encoder)
        assert (accepted.dataflow, accepted.contract_version) == ("delays.v2", "2.1.0")
        assert (accepted.run, accepted.code_version) == ("first", "abc123")
        days, carriers, report, quality = accepted.outputs
        assert [output.files[0].rows for output in (days, carriers, report)] == [2, 1, None]
        assert quality.metrics == {"auc": 0.5}
        for output, place in (
            (days, lake.table(dataflow.identity, "days")),
            (carriers, lake.table(dataflow.identity, "carriers")),
            (report, lake.files(dataflow.identity, "report")),
        ):
            path = lake.path(output.files[0].path)
            assert path == place / path.name
            assert path.local().stat().st_mode & 0o777 == 0o444
            assert path.local().stat().st_size == output.files[0].bytes
        assert report.files[0].path.endswith(".html")

    @on_both
    def test_nothing_is_visible_yet(
        self, accepted: Callable[..., Accepted], lake: Lake, dataflow: DataflowContract
    ) -> None:
        accepted()
        assert latest_version(lake.table(dataflow.identity, "days")) is None

    def test_only_what_was_asked_for(
        self, stage: Stage, dataflow: DataflowContract, lake: Lake, encoder: LocalEncoder
    ) -> None:
        staged = stage()
        for name in ("parts/days.arrows", "carriers.arrows"):
            (staged.staging / name).unlink()
        accepted = accept(
            dataflow,
            replace(staged.request, targets=("quality", "report")),
            replace(staged.result, outputs=staged.result.outputs[2:]),
            lake,
            encoder,
        )
        assert [output.name for output in accepted.outputs] == ["report", "quality"]


class TestRefusedResults:
    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (
                lambda r: replace(r, identity=replace(r.identity, run="x")),
                "it answers attempt 1 of task 'transform' of run 'x'",
            ),
            (
                lambda r: replace(r, identity=replace(r.identity, attempt=2)),
                "it answers attempt 2",
            ),
            (lambda r: replace(r, dataflow="delays.v1"), "it is for dataflow 'delays.v1'"),
            (
                lambda r: replace(r, contract_version="2.0.0"),
                "it is for contract version '2.0.0'; the request is for '2.1.0'",
            ),
            (
                lambda r: replace(r, outputs=r.outputs[1:]),
                "output 'days' is named 0 times instead of once",
            ),
            (
                lambda r: replace(r, outputs=(*r.outputs, r.outputs[-1])),
                "output 'quality' is named 2 times instead of once",
            ),
            (
                lambda r: replace(r, outputs=(*r.outputs, StagedOutput("more"))),
                "output 'more' was not requested",
            ),
            (lambda r: with_output(r, "days", files=()), "output 'days' has no file"),
            (lambda r: with_output(r, "days", metrics={}), "output 'days' comes with metrics"),
            (lambda r: with_output(r, "report", files=()), "output 'report' has no file"),
            (
                lambda r: with_output(r, "report", files=r.outputs[2].files * 2),
                "file 'report' consists of 2 files instead of one",
            ),
            (
                lambda r: with_file(r, "report", path="report.pkl"),
                "file 'report' is 'report.pkl'; the contract says .html",
            ),
            (
                lambda r: with_output(r, "quality", files=r.outputs[0].files),
                "metrics 'quality' come with files",
            ),
            (
                lambda r: with_output(r, "quality", metrics=None),
                "metrics 'quality': metric 'auc' is missing",
            ),
            (
                lambda r: with_output(r, "quality", metrics={"auc": 0.5, "x": 1.0}),
                "metrics 'quality': metric 'x' is not in the contract",
            ),
            (
                lambda r: with_output(r, "quality", metrics={"auc": math.nan}),
                "metrics 'quality': metric 'auc' is nan; the contract says not null",
            ),
            (
                lambda r: with_output(r, "quality", metrics={"auc": math.inf}),
                "metrics 'quality': metric 'auc' is inf; the contract says finite",
            ),
            (
                lambda r: with_output(r, "quality", metrics={"auc": 1.01}),
                "metrics 'quality': metric 'auc' is 1.01; the contract says at most 1",
            ),
            (
                lambda r: with_output(r, "quality", metrics={"auc": -1.0}),
                "metrics 'quality': metric 'auc' is -1; the contract says at least 0",
            ),
        ],
    )
    def test_the_message_says_what_is_wrong(
        self,
        stage: Stage,
        refused: Refused,
        change: Callable[[RunResult], RunResult],
        problem: str,
    ) -> None:
        staged = stage()
        assert problem in str(refused(ResultError, staged, change(staged.result)))

    def test_all_problems_at_once(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        wrong = replace(staged.result, dataflow="x.v1", contract_version="9.9.9", outputs=())
        assert len(refused(ResultError, staged, wrong).problems) == 6


class TestRefusedFiles:
    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("gone.arrows", "'gone.arrows' is not a file in it"),
            ("parts", "'parts' is not a file in it"),
            ("../outside.arrows", "'../outside.arrows' is not a file in it"),
            ("parts/../parts/days.arrows", "is not a file in it"),
            ("/etc/passwd", "'/etc/passwd' is not a file in it"),
            ("", "'' is not a file in it"),
        ],
    )
    def test_a_path_that_names_no_file_of_the_staging(
        self, stage: Stage, refused: Refused, name: str, problem: str
    ) -> None:
        staged = stage()
        outside = staged.staging.parent / "outside.arrows"
        outside.write_bytes((staged.staging / "parts" / "days.arrows").read_bytes())
        error = refused(StagingError, staged, with_file(staged.result, "days", path=name))
        assert problem in str(error)
        assert "'parts/days.arrows' is not named by any output" in str(error)
        assert outside.exists()

    @pytest.mark.parametrize("place", ["stray.parquet", "parts/stray", ".hidden"])
    def test_a_stray(self, stage: Stage, refused: Refused, place: str) -> None:
        staged = stage()
        (staged.staging / place).touch()
        assert f"{place!r} is not named by any output" in str(refused(StagingError, staged))

    def test_a_link(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        path = staged.staging / "report.html"
        path.rename(staged.staging.parent / "report.html")
        path.symlink_to(staged.staging.parent / "report.html")
        assert "'report.html' is a link" in str(refused(StagingError, staged))

    def test_a_link_in_the_path(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        (staged.staging / "parts").rename(staged.staging.parent / "parts")
        (staged.staging / "parts").symlink_to(staged.staging.parent / "parts")
        assert "'parts' is a link" in str(refused(StagingError, staged))

    def test_a_second_name(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        os.link(staged.staging / "report.html", staged.staging.parent / "report.html")
        assert "'report.html' is a link" in str(refused(StagingError, staged))

    def test_one_file_for_two_outputs(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        (staged.staging / "carriers.arrows").unlink()
        wrong = with_output(staged.result, "carriers", files=staged.result.outputs[0].files)
        assert "is named 2 times" in str(refused(StagingError, staged, wrong))

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"sha256": "0" * 64}, "'report.html' has 8 bytes and digest"),
            ({"bytes": 9}, "'report.html' has 8 bytes and digest"),
            ({"bytes": 1}, "'report.html' is larger than 1 byte"),
        ],
    )
    def test_a_false_size_or_digest(
        self, stage: Stage, refused: Refused, changes: dict[str, object], words: str
    ) -> None:
        staged = stage()
        error = refused(StagingError, staged, with_file(staged.result, "report", **changes))
        assert words in str(error)

    def test_a_changed_table_is_reported_as_changed_and_not_as_unreadable(
        self, stage: Stage, refused: Refused
    ) -> None:
        staged = stage()
        (staged.staging / "carriers.arrows").write_bytes(b"changed")
        assert "'carriers.arrows' has 7 bytes and digest" in str(refused(StagingError, staged))


class TestRefusedData:
    def test_data_that_break_the_contract(self, stage: Stage, refused: Refused) -> None:
        error = refused(TableContractError, stage(late_share=[0.5, 1.5]))
        assert str(error) == (
            "table 'days': column 'late_share' has 1 value above 1 (the largest is 1.5); "
            "the contract says at most 1"
        )

    def test_rows_that_are_not_there(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        error = refused(TableContractError, staged, with_file(staged.result, "days", rows=3))
        assert str(error) == "table 'days': 'parts/days.arrows' has 2 rows; the result says 3"

    def test_a_file_that_is_not_a_stream(self, stage: Stage, refused: Refused) -> None:
        staged = stage()
        path = staged.staging / "carriers.arrows"
        path.write_bytes((staged.staging / "report.html").read_bytes())
        report = staged.result.outputs[2].files[0]
        file = StagedFile("carriers.arrows", report.bytes, report.sha256)
        wrong = with_output(staged.result, "carriers", files=(file,))
        error = str(refused(TableContractError, staged, wrong))
        assert "a staged file cannot be read: it is not an Arrow IPC stream" in error

    def test_an_interruption_leaves_nothing(
        self,
        stage: Stage,
        dataflow: DataflowContract,
        lake: Lake,
        monkeypatch: pytest.MonkeyPatch,
        encoder: LocalEncoder,
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(LocalEncoder, "finish", interrupt)
        staged = stage()
        with pytest.raises(KeyboardInterrupt):
            accept(dataflow, staged.request, staged.result, lake, encoder)
        assert files_in(lake) == []

    def test_a_refusal_leaves_what_was_accepted_before(
        self, accepted: Callable[..., Accepted], lake: Lake
    ) -> None:
        accepted("first")
        before = sorted(files_in(lake))
        with pytest.raises(TableContractError):
            accepted("second", flights=[0, 0])
        assert sorted(files_in(lake)) == before
