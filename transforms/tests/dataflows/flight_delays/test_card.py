from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import card, evaluation

Page = Callable[..., str]


@pytest.fixture
def page(tested: pd.DataFrame, probability: pd.Series) -> Page:
    def build(name: str = "United") -> str:
        flights = tested.assign(carrier_name=tested["carrier_name"].replace("United", name))
        metrics = evaluation.delay_metrics(tested, flights, probability)
        made = card.model_card(
            metrics,
            evaluation.carrier_scores(flights, probability),
            card.calibration_plot(evaluation.calibration(flights, probability)),
            card.roc_plot(evaluation.roc_curve(flights, probability), metrics),
            model="boosting",
            origin="all",
            late_after_minutes=15,
            test_from_month=10,
            seed=1,
        )
        return made.decode()

    return build


def test_the_card_says_what_was_asked_and_found(page: Page) -> None:
    text = page()
    for words in (
        "gradient boosting",
        "15 min after schedule",
        "EWR, JFK and LGA",
        "months from October",
        "0.7500",
        "United (UA)",
        "<td>ZZ</td>",
    ):
        assert words in text


def test_the_card_stands_alone(page: Page) -> None:
    text = page()
    assert text.count('src="data:image/png;base64,') == 2
    assert "http" not in text
    assert "<script" not in text


def test_the_card_escapes_what_comes_from_the_data(page: Page) -> None:
    text = page('<script>alert("x")</script> & Co')
    assert "<script" not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; Co (UA)" in text


def test_the_card_depends_on_its_inputs_alone(page: Page) -> None:
    assert page() == page()
