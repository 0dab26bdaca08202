from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("contract", CATALOG.dataflows, ids=lambda contract: contract.name)
def test_view_draws_every_dataflow(contract: DataflowContract, capsys: Capture) -> None:
    assert main(["view", contract.name]) == 0
    assert capsys.readouterr().out == f"wrote {contract.name}.svg\n"
    root = ET.parse(f"{contract.name}.svg").getroot()  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {declared.name for declared in (*contract.inputs, *contract.outputs)}


@pytest.mark.usefixtures("sales")
def test_view_writes_a_page_around_the_same_picture() -> None:
    assert main(["view", "sales", "-o", "sales.html"]) == 0
    assert main(["view", "sales", "--out", "sales.svg"]) == 0
    picture = Path("sales.svg").read_text(encoding="utf-8")
    page = Path("sales.html").read_text(encoding="utf-8")
    assert page == f"<!doctype html><title>sales.v1</title>{picture}"
    assert "[bold]EUR" in picture


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("out", "line"),
    [
        ("sales.png", "isthmus: unknown kind of picture '.png'; known: '.svg', '.html'"),
        ("sales", "isthmus: unknown kind of picture ''; known: '.svg', '.html'"),
        ("no/where.svg", "isthmus: [Errno 2] No such file or directory: 'no/where.svg'"),
    ],
)
def test_a_picture_that_cannot_be_written_is_one_line(
    error_line: Callable[..., str], out: str, line: str
) -> None:
    assert error_line("view", "sales", "--out", out) == line


def test_view_draws_the_functions_that_the_params_choose() -> None:
    assert main(["view", "flight_delays", "--model", "boosting", "--out", "boosting.svg"]) == 0
    assert main(["view", "flight_delays", "--out", "default.svg"]) == 0
    chosen, default = (Path(f"{name}.svg").read_text("utf-8") for name in ("boosting", "default"))
    assert "Gradient boosting of trees," in chosen
    assert "Gradient boosting of trees," not in default


def test_a_param_that_is_not_allowed_is_one_line(error_line: Callable[..., str]) -> None:
    line = error_line("view", "flight_delays", "--model", "boost")
    assert line == "isthmus: param 'model' is 'boost'; allowed: one of 'logistic', 'boosting'"
    assert not Path("flight_delays.svg").exists()
