from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import card, evaluation

Page = Callable[..., str]


@pytest.fixture
def tested() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "carrier": ["UA", "B6", "UA", "ZZ"],
            "carrier_name": ["United", "JetBlue", "United", None],
            "arr_delay": [30.0, -10.0, 0.0, 60.0],
            "is_late": [True, False, False, True],
        },
        index=[5, 6, 7, 8],
    )


@pytest.fixture
def probability() -> pd.Series:
    return pd.Series([0.8, 0.2, 0.5, 0.4], index=[5, 6, 7, 8])


def test_metrics_by_hand(tested: pd.DataFrame, probability: pd.Series) -> None:
    metrics = evaluation.delay_metrics(pd.DataFrame(index=range(10)), tested, probability)
    assert metrics == {
        "roc_auc": pytest.approx(3 / 4),
        "brier_score": pytest.approx((0.04 + 0.04 + 0.25 + 0.36) / 4),
        "base_rate": 0.5,
        "rows_trained": 10.0,
        "rows_tested": 4.0,
    }
    assert {type(value) for value in metrics.values()} == {float}


def test_carrier_scores_by_hand(tested: pd.DataFrame, probability: pd.Series) -> None:
    scores = evaluation.carrier_scores(tested, probability)
    assert list(scores["carrier"]) == ["B6", "UA", "ZZ"]
    assert list(scores["flights"]) == [1, 2, 1]
    assert list(scores["late_share"]) == [0.0, 0.5, 1.0]
    assert list(scores["expected_late_share"]) == pytest.approx([0.2, 0.65, 0.4])
    assert list(scores["mean_arr_delay"]) == [-10.0, 15.0, 60.0]
    assert scores["carrier_name"].isna().tolist() == [False, False, True]


def test_calibration_groups_are_of_equal_size_and_ascend() -> None:
    probability = pd.Series([index / 100 for index in range(100)])[::-1]
    late = pd.DataFrame({"is_late": probability >= 0.5})
    groups = evaluation.calibration(late, probability)
    assert list(groups["expected"]) == pytest.approx([0.045 + 0.1 * index for index in range(10)])
    assert list(groups["observed"]) == [0] * 5 + [1] * 5


def test_calibration_takes_fewer_flights_than_groups(
    tested: pd.DataFrame, probability: pd.Series
) -> None:
    groups = evaluation.calibration(tested, probability)
    assert list(groups["expected"]) == [0.2, 0.4, 0.5, 0.8]
    assert list(groups["observed"]) == [0, 1, 0, 1]


def test_roc_curve_goes_from_nothing_to_everything(
    tested: pd.DataFrame, probability: pd.Series
) -> None:
    curve = evaluation.roc_curve(tested, probability)
    assert curve[["suspected", "found"]].iloc[0].tolist() == [0, 0]
    assert curve[["suspected", "found"]].iloc[-1].tolist() == [1, 1]


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
