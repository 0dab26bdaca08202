from __future__ import annotations

from pathlib import Path

import pytest
import run
from clock import Effort, medians
from lines import Figure, Line, page, section, sections_of
from rich.console import Console

TINY = Effort(rounds=1, share=0.001)
WITH_AIRFLOW = {"end-to-end"}  # with any effort more than a minute; see test_endtoend.py


@pytest.mark.parametrize("name", [title for title in run.BENCHMARKS if title not in WITH_AIRFLOW])
def test_every_benchmark_can_be_measured(name: str, tmp_path: Path) -> None:
    results = tmp_path / "results.md"
    run.measure([name], TINY, results, Console(quiet=True))
    text = sections_of(results.read_text(encoding="utf-8"))[name]
    assert f"`nox -s benchmarks -- {name}`, 1 rounds" in text
    assert len([line for line in text.splitlines() if line.startswith("| ")]) > 2


def test_measuring_one_section_keeps_the_others_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results.md"
    line = Line("parsing", (Figure("it", 0.25, "s"),))
    made = {name: lambda _: iter([line]) for name in ("first", "second", "third")}
    monkeypatch.setattr(run, "BENCHMARKS", made)
    for name in ("third", "first"):
        run.measure([name], TINY, results, Console(quiet=True))
    before = sections_of(results.read_text(encoding="utf-8"))
    run.measure(["second", "first"], TINY, results, Console(quiet=True))
    after = sections_of(results.read_text(encoding="utf-8"))
    assert list(after) == ["first", "second", "third"]
    assert after["third"] == before["third"]


def test_a_page_is_read_as_it_was_written() -> None:
    sections = {"a": section("What.", "Where.", [Line("x", (Figure("y", 1),))]), "b-c": "text"}
    assert sections_of(page(sections)) == sections


@pytest.mark.parametrize(
    ("figure", "text", "target", "is_met"),
    [
        (Figure("ratio", 1.499, under=1.5), "ratio 1.5", "ratio under 1.5", True),
        (Figure("ratio", 1.5, under=1.5), "ratio 1.5", "ratio under 1.5", False),
        (Figure("ratio", 0.5, at_least=0.5), "ratio 0.5", "ratio at least 0.5", True),
        (Figure("ratio", 0.49, at_least=0.5), "ratio 0.49", "ratio at least 0.5", False),
        (Figure("ratio", float("nan"), under=1), "ratio nan", "ratio under 1", False),
        (Figure("it", 0.0234, "s"), "it 23.4 ms", None, True),
        (Figure("it", 1234.5, "MB/s"), "it 1,234 MB/s", None, True),
    ],
)
def test_a_figure_says_its_number_and_its_target(
    figure: Figure, text: str, target: str | None, *, is_met: bool
) -> None:
    assert (str(figure), figure.target, figure.is_met) == (text, target, is_met)


def test_a_line_is_met_only_if_all_of_it_is() -> None:
    figures = (Figure("a", 1, under=2), Figure("b", 3, under=2), Figure("c", 3))
    assert Line("x", figures).cells == ("x", "a 1; b 3; c 3", "a under 2; b under 2", "**missed**")
    assert Line("x", figures[:1]).cells[-1] == "met"
    assert Line("x", figures[2:]).cells[2:] == ("none", "")


def test_what_is_compared_takes_turns_and_the_first_round_does_not_count() -> None:
    turns: list[str] = []

    def timed(name: str, *times: float) -> float:
        turns.append(name)
        return times[turns.count(name) - 1]

    found = medians(
        Effort(rounds=3),
        {"a": lambda: timed("a", 99, 1, 5, 2), "b": lambda: timed("b", 99, 7, 7, 8)},
    )
    assert found == {"a": 2, "b": 7}
    assert turns == ["a", "b"] * 4


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["publsh"])
    assert ended.value.code == 2
    assert "unknown benchmark 'publsh'; did you mean 'publish'?" in capsys.readouterr().err
