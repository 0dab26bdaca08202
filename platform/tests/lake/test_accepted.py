from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.lake.delta.tables import latest_version
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake

Stage = Callable[..., Any]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


class TestAccepted:
    @on_both
    def test_every_output_lies_in_its_place(
        self, stage: Stage, dataflow: DataflowContract, lake: Lake
    ) -> None:
        staged = stage()
        accepted = accept(dataflow, staged.request, staged.result, lake)
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

    def test_it_travels_as_json(self, accepted: Callable[..., Accepted]) -> None:
        first = accepted()
        travelled = deserialize(Accepted, json.loads(json.dumps(serialize(first))))
        assert travelled == first
        assert travelled.digest == first.digest

    def test_only_what_was_asked_for(
        self, stage: Stage, dataflow: DataflowContract, lake: Lake
    ) -> None:
        staged = stage()
        for name in ("parts/days.parquet", "carriers.parquet"):
            (staged.staging / name).unlink()
        accepted = accept(
            dataflow,
            replace(staged.request, targets=("quality", "report")),
            replace(staged.result, outputs=staged.result.outputs[2:]),
            lake,
        )
        assert [output.name for output in accepted.outputs] == ["report", "quality"]


class TestDigest:
    def test_the_same_content_has_the_same_digest(self, accepted: Callable[..., Accepted]) -> None:
        first, second = accepted("first"), accepted("first")
        assert first.outputs != second.outputs
        assert first.digest == second.digest

    def test_order_does_not_count(self, accepted: Callable[..., Accepted]) -> None:
        first = accepted()
        assert replace(first, outputs=first.outputs[::-1]).digest == first.digest

    @pytest.mark.parametrize("changes", [{"auc": 0.6}, {"gust": [1.0, 2.0]}, {"run": "second"}])
    def test_other_content_has_another(
        self, accepted: Callable[..., Accepted], changes: dict[str, object]
    ) -> None:
        assert accepted(**changes).digest != accepted().digest
