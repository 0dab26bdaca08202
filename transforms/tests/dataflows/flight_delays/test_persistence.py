from __future__ import annotations

import pickle

import pandas as pd
import pytest
import skops.io

from isthmus_transforms.dataflows.flight_delays import model, persistence

KINDS = {
    "logistic": model.untrained_model__logistic,
    "boosting": model.untrained_model__boosting,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(features: pd.DataFrame, kind: str) -> None:
    training = model.training_flights(features, 10, 15)
    first, second = (
        persistence.delay_model(model.trained_model(KINDS[kind](5), training)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_a_model_gives_the_same_bytes(features: pd.DataFrame, kind: str) -> None:
    trained = model.trained_model(KINDS[kind](5), model.training_flights(features, 10, 15))
    copied = pickle.loads(pickle.dumps(trained))  # noqa: S301 - as worker processes hand it over
    assert persistence.delay_model(copied) == persistence.delay_model(trained)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_expects_the_same_when_loaded(features: pd.DataFrame, kind: str) -> None:
    trained = model.trained_model(KINDS[kind](1), model.training_flights(features, 10, 15))
    saved = persistence.delay_model(trained)
    untrusted = skops.io.get_untrusted_types(data=saved)
    assert all(name.startswith(("sklearn.", "numpy.", "functools.partial")) for name in untrusted)
    loaded = skops.io.loads(saved, trusted=untrusted)
    tested = model.tested_flights(features, 10, 15)
    assert model.is_late_probability(loaded, tested).equals(
        model.is_late_probability(trained, tested)
    )
