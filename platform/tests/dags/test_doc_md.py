from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from isthmus_contracts import Column, DataflowContract, Deprecation, File, Table
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.dags.doc_md import dataflow_page, end_of_life_page, invalid_deployment_page
from isthmus_platform.errors import DeploymentError, EndOfLifeError

LAST_DAY = date(2027, 1, 31)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read(page: str) -> tuple[list[str], list[str]]:
    """Return a page's layout and its texts, as Airflow's Markdown reads them.

    The invisible characters that take addresses apart are left out.
    """
    tokens = MARKDOWN.parse(page)
    layout = [part.type for token in tokens for part in (token, *(token.children or ()))]
    texts = [
        "".join(part.content for part in token.children or ()).replace("\u2060", "")
        for token in tokens
        if token.type == "inline"
    ]
    return [part for part in layout if part not in ("text", "text_special")], texts


def saying(text: str) -> DataflowContract:
    """Return a dataflow that says this of itself and of all that it offers."""
    column = Column("a", "string", text, unit=text)
    outputs = (Table("t", text, (column,)), File("f", text, ".txt"))
    return DataflowContract("x", "1.0.0", "eve", text, (), outputs)


def test_the_page_shows_the_whole_contract() -> None:
    page = dataflow_page(PARCEL_DELAYS)
    for words in (
        "Contract version **1.0.0**, owner **data-science**",
        "| weather | dataset parcel\\_firm |",
        "| test\\_from\\_month | 10 | integer from 2 to 12 |",
        "### Table parcel_features",
        "Key: date, carrier, parcel, origin.",
        "| wind\\_speed | float64 | km/h | at least 0, at most 250 |",
        "### File model_card (.html)",
        "| roc\\_auc | Area under the ROC curve",
        "## How to change it",
    ):
        assert words in page, page


def test_an_input_of_another_dataflow_is_named_by_its_identity() -> None:
    page = dataflow_page(STATION_DAYS)
    assert "| parcel\\_features | dataflow parcel\\_delays.v1 |" in page
    assert "## Params\n\nNone." in page


def test_a_dataflows_description_is_escaped() -> None:
    page = dataflow_page(replace(STATION_DAYS, description="<b>x</b> | [y](z) `w`"))
    assert "&lt;b&gt;x&lt;/b&gt; \\| \\[y\\](z) \\`w\\`" in page


def test_the_page_of_an_invalid_deployment_says_what_to_do() -> None:
    page = invalid_deployment_page("x.v1", DeploymentError(Path("a.toml"), "[lake]", "<gone>"))
    assert "x.v1 cannot run here" in page
    assert "a.toml, \\[lake\\]: &lt;gone&gt;" in page


def test_a_deprecation_stands_at_the_top_and_is_escaped() -> None:
    old = replace(STATION_DAYS, deprecation=Deprecation(LAST_DAY, "station_days.v2 <or> *more*"))
    _, texts = read(dataflow_page(old))
    assert texts[:2] == [
        "station_days.v1",
        "Deprecated: runs until 2027-01-31, use station_days.v2 <or> *more* instead.",
    ]
    assert "eprecated" not in dataflow_page(STATION_DAYS)


def test_a_retired_dataflow_leaves_nothing_to_correct() -> None:
    page = end_of_life_page("x.v1", EndOfLifeError("x.v1", LAST_DAY, "<x.v2>"))
    assert "x.v1 was retired after 2027-01-31; use &lt;x.v2&gt; instead" in page
    assert "deployment file" not in page


NASTY = (
    "# not a title",
    "two\nlines",
    "two\n\nparagraphs",
    "first\n# then a title",
    "a title?\n===",
    "~~~\nno code",
    "```\nno code",
    "~~struck~~ out",
    "    no code",
    "- no item",
    "+ no item",
    "* no item",
    "1. no item",
    "1) no item",
    "---",
    "> no quote",
    "a\u2028b\x85c",
    "ends in \\",
    "| a | b |\n|---|---|",
    "&amp; is no &",
    "[x]: y",
    "<!-- no comment",
    "https://no.link and www.no.link and no@link.example",
)


@pytest.mark.parametrize("text", NASTY)
def test_no_description_breaks_the_layout(text: str) -> None:
    layout, texts = read(dataflow_page(saying(text)))
    plain_layout, plain_texts = read(dataflow_page(saying("plain")))
    line = " ".join(text.split())
    assert layout == plain_layout
    assert texts == [line if plain_text == "plain" else plain_text for plain_text in plain_texts]


@given(st.text("#~-+=>*_`|\\[]()!<&1.) \n\tab:/w@").filter(str.strip))
@example("1)")
def test_any_text_of_an_error_is_one_paragraph(text: str) -> None:
    page = invalid_deployment_page("x.v1", DeploymentError(None, text, text))
    layout, texts = read(page)
    assert layout == read(invalid_deployment_page("x.v1", DeploymentError(None, "a", "b")))[0]
    assert texts[1] == " ".join(f"the deployment, {text}: {text}".split())


@given(st.text("#~-+=>*_`|\\[]()!<&1.) \n\tab:/w@").filter(str.strip))
def test_no_text_of_a_dataflow_changes_the_layout(text: str) -> None:
    layout, texts = read(dataflow_page(saying(text)))
    assert layout == read(dataflow_page(saying("plain")))[0]
    assert texts[1] == " ".join(text.split())


def test_the_promised_number_of_rows_is_on_the_page() -> None:
    (days, *rest) = STATION_DAYS.outputs
    promised = replace(STATION_DAYS, outputs=(replace(days, max_row_change=0.5), *rest))
    assert "The number of rows changes by at most 50% per release." in dataflow_page(promised)
    assert "number of rows" not in dataflow_page(STATION_DAYS)
