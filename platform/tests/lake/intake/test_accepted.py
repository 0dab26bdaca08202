from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from isthmus_contracts import Interval
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.accepted import (
    Accepted,
    AcceptedFile,
    AcceptedOutput,
    join,
)

Stage = Callable[..., Any]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


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

    def test_it_travels_as_json(self, accepted: Callable[..., Accepted]) -> None:
        first = accepted()
        travelled = deserialize(Accepted, json.loads(json.dumps(serialize(first))))
        assert travelled == first
        assert travelled.digest == first.digest


def part(start: int, end: int, **changes: object) -> Accepted:
    """Return what a run accepted for some days, with a file for each."""
    interval = Interval(date(2013, 1, start), date(2013, 1, end))
    files = tuple(
        AcceptedFile(f"{day}.parquet", 10, "0" * 64, 1, f"2013-01-{day:02}")
        for day in range(start, end)
    )
    outputs = (AcceptedOutput("days", files), AcceptedOutput("quality", metrics={"auc": 0.5}))
    made = Accepted("delays.v2", "2.1.0", "abc", "run-1", outputs, ("w",), interval)
    return replace(made, **changes)  # type: ignore[arg-type] # of any field


class TestJoin:
    WHOLE = Interval(date(2013, 1, 1), date(2013, 1, 7))

    def test_parts_in_any_order_make_the_interval(self) -> None:
        parts = [part(3, 5), part(5, 7), part(1, 3)]
        joined = join(parts, self.WHOLE)
        assert joined.interval == self.WHOLE
        assert sorted(file.path for file in joined.output("days").files) == [
            f"{day}.parquet" for day in range(1, 7)
        ]
        assert joined.warnings == ("w",)

    def test_one_part_that_is_the_whole_stays_as_it_is(self) -> None:
        whole = part(1, 7)
        assert join([whole], self.WHOLE) is whole
        everything = replace(whole, interval=None)
        assert join([everything], None) is everything

    @pytest.mark.parametrize(
        "parts",
        [
            [part(1, 3), part(5, 7)],
            [part(1, 5), part(3, 7)],
            [part(1, 3), part(3, 5)],
            [part(1, 3), part(3, 7, interval=None)],
            [part(1, 3)],
        ],
    )
    def test_parts_with_a_gap_or_an_overlap_are_refused(self, parts: list[Accepted]) -> None:
        with pytest.raises(PublicationError, match="the run is for 2013-01-01"):
            join(parts, self.WHOLE)

    def test_parts_of_a_run_for_everything_are_refused(self) -> None:
        with pytest.raises(PublicationError, match="the run is for everything"):
            join([part(1, 3), part(3, 5)], None)

    @pytest.mark.parametrize(
        "changes", [{"code_version": "def"}, {"run": "run-2"}, {"contract_version": "2.0.0"}]
    )
    def test_parts_of_different_runs_or_code_are_refused(self, changes: dict[str, object]) -> None:
        with pytest.raises(PublicationError, match="computed by different code"):
            join([part(1, 3), part(3, 7, **changes)], self.WHOLE)


def test_an_unknown_output_is_an_error() -> None:
    with pytest.raises(KeyError):
        part(1, 3).output("missing")
