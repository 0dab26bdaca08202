from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC

from isthmus_transforms.shared.models import skops_bytes

TEXTS = ["one two", "two three", "three four", "four one"] * 5
NUMBERS = np.arange(40.0).reshape(20, 2) % 7
CLASSES = np.arange(20) % 2

MODELS: dict[str, Callable[[], object]] = {
    "linear": lambda: LogisticRegression().fit(NUMBERS, CLASSES),
    "forest": lambda: RandomForestClassifier(3, random_state=1).fit(NUMBERS, CLASSES),
    "clusters": lambda: KMeans(2, random_state=1, n_init=1).fit(NUMBERS),
    "kernel": lambda: SVC().fit(NUMBERS, CLASSES),
    "neighbours": lambda: KNeighborsClassifier(2).fit(NUMBERS, CLASSES),
    "words": lambda: TfidfVectorizer(vocabulary={"one", "two", "three", "four"}).fit(TEXTS),
    "search": lambda: (
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)
        .fit(NUMBERS, CLASSES)
        .best_estimator_
    ),
    "pipeline": lambda: make_pipeline(
        OneHotEncoder(handle_unknown="ignore"),
        FunctionTransformer(np.log1p, kw_args={"where": True}),
        LogisticRegression(),
    ).fit(NUMBERS, CLASSES),
    "plain": lambda: {"sets": [{"a", ("b", 1), frozenset({"c", "d"})}, set()], "none": None},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_trained_again_and_its_copy_give_the_same_bytes(name: str) -> None:
    model, again = MODELS[name](), MODELS[name]()
    saved = skops_bytes(model)
    assert skops_bytes(model) == saved
    assert skops_bytes(again) == saved
    copied = pickle.loads(pickle.dumps(model))  # noqa: S301 - as worker processes hand it over
    assert skops_bytes(copied) == saved


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_the_same(name: str) -> None:
    saved = skops_bytes(MODELS[name]())
    loaded = skops.io.loads(saved, trusted=skops.io.get_untrusted_types(data=saved))
    assert skops_bytes(loaded) == saved


@pytest.mark.slow
def test_processes_with_other_hash_seeds_write_the_same_bytes() -> None:
    digests = Counter[str]()
    for seed in ("1", "2"):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from test_models import MODELS, digest_of\n"
            "for name in MODELS: print(name, digest_of(name))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        digests.update(done.stdout.splitlines())
    assert len(digests) == len(MODELS)
    assert set(digests.values()) == {2}


def digest_of(name: str) -> str:
    return hashlib.sha256(skops_bytes(MODELS[name]())).hexdigest()


def test_other_models_give_other_bytes() -> None:
    first = LogisticRegression(C=1.0).fit(NUMBERS, CLASSES)
    other = LogisticRegression(C=0.5).fit(NUMBERS, CLASSES)
    assert skops_bytes(first) != skops_bytes(other)
    assert skops_bytes({"a": {"x", "y"}}) != skops_bytes({"a": {"x", "z"}})


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (FunctionTransformer(lambda numbers: numbers), "<lambda>"),
        (FunctionTransformer(partial(lambda numbers, by: numbers * by, by=2)), "<lambda>"),
    ],
)
def test_a_model_that_could_not_be_loaded_is_refused(model: object, name: str) -> None:
    with pytest.raises(ValueError, match=f"the model uses .*{name}, which cannot be loaded"):
        skops_bytes(model)


def test_what_is_not_a_model_is_refused() -> None:
    with pytest.raises(Exception, match="generator"):
        skops_bytes(number for number in (1, 2))
