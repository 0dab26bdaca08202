from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from isthmus_contracts.catalog import AIRPORT_DAYS, FLIGHT_DELAYS
from isthmus_platform.dags.pages import dataflow_page, mistake_page
from isthmus_platform.errors import DeploymentError


def test_the_page_holds_the_whole_contract() -> None:
    page = dataflow_page(FLIGHT_DELAYS)
    for words in (
        "Contract version **1.0.0**, owner **data-science**",
        "| weather | dataset nyc\\_flights |",
        "| test\\_from\\_month | 10 | integer from 2 to 12 |",
        "### Table flight_features",
        "Key: date, carrier, flight, origin.",
        "| wind\\_speed | float64 | km/h | at least 0, at most 250 |",
        "### File model_card (.html)",
        "| roc\\_auc | Area under the ROC curve",
        "## Where to change what",
    ):
        assert words in page, page


def test_an_input_of_another_dataflow_is_named_by_its_identity() -> None:
    page = dataflow_page(AIRPORT_DAYS)
    assert "| flight\\_features | dataflow flight\\_delays.v1 |" in page
    assert "## Params\n\nNone." in page


def test_what_a_dataflow_says_is_escaped() -> None:
    page = dataflow_page(replace(AIRPORT_DAYS, description="<b>x</b> | [y](z) `w`"))
    assert "&lt;b&gt;x&lt;/b&gt; \\| \\[y\\](z) \\`w\\`" in page


def test_a_mistake_says_what_to_do() -> None:
    page = mistake_page("x.v1", DeploymentError(Path("a.toml"), "[lake]", "<gone>"))
    assert "x.v1 cannot run here" in page
    assert "a.toml, \\[lake\\]: &lt;gone&gt;" in page
