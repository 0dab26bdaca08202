from __future__ import annotations

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import evaluation


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
