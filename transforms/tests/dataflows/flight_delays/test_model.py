from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import model

KINDS = {
    "logistic": model.untrained_model__logistic,
    "boosting": model.untrained_model__boosting,
}


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_one_for_each_tested_flight(features: pd.DataFrame, kind: str) -> None:
    trained = model.trained_model(KINDS[kind](1), model.training_flights(features, 10, 15))
    tested = model.tested_flights(features, 10, 15)
    probability = model.is_late_probability(trained, tested)
    assert probability.index.equals(tested.index)
    assert probability.between(0, 1).all()
    late = probability.groupby(tested["origin"]).mean()
    assert late["EWR"] < late["JFK"] < late["LGA"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_gaps_that_training_never_saw_are_taken(
    features: pd.DataFrame, kind: str
) -> None:
    training = model.training_flights(features, 10, 15).assign(pressure=np.nan)
    trained = model.trained_model(KINDS[kind](1), training)
    strange = model.tested_flights(features, 10, 15).assign(
        carrier="QQ", dest="XXX", departure_hour=3, humidity=np.nan
    )
    assert model.is_late_probability(trained, strange).between(0, 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_outcome_does_not_leak_into_the_prediction(features: pd.DataFrame, kind: str) -> None:
    trained = model.trained_model(KINDS[kind](1), model.training_flights(features, 10, 15))
    tested = model.tested_flights(features, 10, 15)
    changed = tested.assign(arr_delay=999.0, is_late=True)
    assert model.is_late_probability(trained, changed).equals(
        model.is_late_probability(trained, tested)
    )


def test_training_leaves_the_untrained_model_as_it_was(features: pd.DataFrame) -> None:
    untrained = model.untrained_model__logistic(1)
    model.trained_model(untrained, model.training_flights(features, 10, 15))
    assert not hasattr(untrained[-1], "coef_")


def test_no_flight_is_both_trained_on_and_tested_on(features: pd.DataFrame) -> None:
    training = model.training_flights(features, 8, 15)
    tested = model.tested_flights(features, 8, 15)
    assert training["month"].max() == 6
    assert tested["month"].min() == 8
    assert len(training) + len(tested) == len(features)


def _outcomes(*pairs: tuple[int, bool]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["month", "is_late"])


def test_nothing_to_train_on_is_an_error() -> None:
    flights = _outcomes((5, True), (6, False), (6, False))
    message = (
        r"no flight to train on: of 3 flights that arrived, 0 are in the months before 5; "
        r"the data has month 5, 6: choose another test_from_month"
    )
    with pytest.raises(ValueError, match=message):
        model.training_flights(flights, 5, 15)


def test_nothing_to_test_on_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no flight to test on: .* in the months from 7"):
        model.tested_flights(_outcomes((5, True), (6, False)), 7, 15)


@pytest.mark.parametrize(("late", "count"), [(True, 2), (False, 0)])
def test_one_outcome_alone_is_an_error(late: bool, count: int) -> None:
    flights = _outcomes((1, late), (2, late), (10, late), (11, late))
    message = (
        rf"of 2 flights in the months before 10, {count} arrived 240 min late or more, .* "
        r"choose another late_after_minutes or test_from_month"
    )
    with pytest.raises(ValueError, match=r"only one outcome to train on: " + message):
        model.training_flights(flights, 10, 240)
    with pytest.raises(ValueError, match=r"only one outcome to test on: of 2 flights"):
        model.tested_flights(flights, 10, 240)
