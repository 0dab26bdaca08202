"""The commands of `isthmus` with params that choose the functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_transforms.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def test_describe_shows_the_functions_that_the_params_choose(capsys: Capture) -> None:
    assert main(["describe", "flight_delays"]) == 0
    default = capsys.readouterr().out
    assert main(["describe", "flight_delays", "--model", "boosting"]) == 0
    chosen = capsys.readouterr().out
    assert "Logistic regression;" in default
    assert "Gradient boosting of trees," in chosen
    assert "Logistic regression;" not in chosen


def test_view_draws_the_functions_that_the_params_choose() -> None:
    assert main(["view", "flight_delays", "--model", "boosting", "--out", "boosting.svg"]) == 0
    assert main(["view", "flight_delays", "--out", "default.svg"]) == 0
    chosen, default = (Path(f"{name}.svg").read_text("utf-8") for name in ("boosting", "default"))
    assert "Gradient boosting of trees," in chosen
    assert "Gradient boosting of trees," not in default


@pytest.mark.parametrize("command", ["describe", "view"])
def test_a_param_that_is_not_allowed_is_one_line(command: str, capsys: Capture) -> None:
    assert main([command, "flight_delays", "--model", "boost"]) == 2
    line = "isthmus: param 'model' is 'boost'; allowed: one of 'logistic', 'boosting'\n"
    assert capsys.readouterr().err == line
    assert not Path("flight_delays.svg").exists()
