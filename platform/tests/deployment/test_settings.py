from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS
from isthmus_platform.deployment.settings import Settings, StageSettings, mismatches

CUT = Settings(
    engine="threads",
    engine_options={"workers": 4},
    retries=1,
    queue="io",
    transform_queue="compute",
    stages=("joined_parcels", "parcel_features"),
    stage={
        "joined_parcels": StageSettings(queue="big", memory_megabytes=8_000, retries=5),
        "parcel_features": StageSettings(engine="processes", timeout_minutes=5.0),
    },
)


def test_a_stage_runs_as_the_dataflow_does_but_for_what_it_says() -> None:
    first, second, rest = (
        CUT.of_stage(stage) for stage in ("joined_parcels", "parcel_features", None)
    )
    assert (first.transform_queue, first.queue) == ("big", "io")
    assert (first.memory_megabytes, first.retries) == (8_000, 5)
    assert (first.engine, first.engine_options) == ("threads", {"workers": 4})
    assert (second.engine, second.engine_options) == ("processes", {})
    assert (second.timeout_minutes, second.retries) == (5.0, 1)
    assert rest == replace(CUT, stages=(), stage={}, checkpoints=True)


def test_a_stage_that_names_the_same_engine_keeps_its_options() -> None:
    settings = replace(CUT, stage={"joined_parcels": StageSettings(engine="threads")})
    assert settings.of_stage("joined_parcels").engine_options == {"workers": 4}


def test_stages_save_checkpoints_and_so_does_the_setting() -> None:
    assert CUT.saves_checkpoints
    assert not CUT.checkpoints
    assert Settings(checkpoints=True).saves_checkpoints
    assert not Settings().saves_checkpoints
    assert not Settings().of_stage(None).checkpoints


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_megabytes": 0}, "memory_megabytes is 0; allowed: 1 or more"),
        (
            {"acceptance_memory_megabytes": 255},
            "acceptance_memory_megabytes is 255; allowed: 256 or more",
        ),
        ({"checkpoint_megabytes": 0}, "checkpoint_megabytes is 0; allowed: 1 or more"),
        ({"checkpoint_days": float("nan")}, "checkpoint_days is nan; allowed: more than 0, to ten"),
        ({"checkpoint_days": float("inf")}, "checkpoint_days is inf; allowed: more than 0, to ten"),
        (
            {"stage": {"a": StageSettings()}},
            "stage.a has settings, but 'a' is not in stages, []; add it there, or remove its table",
        ),
        ({"pool": ""}, "pool is ''; allowed: the name of a pool"),
        (
            {"stages": ("a",), "stage": {"a": StageSettings(retries=-1)}},
            "stage.a: retries is -1; allowed: 0 or more",
        ),
        (
            {"stages": ("a",), "stage": {"a": StageSettings(queue="")}},
            "stage.a: queue is ''; allowed: the name of a queue",
        ),
    ],
)
def test_a_setting_out_of_bounds_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared
        Settings(**changes)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            Settings(stages=("priced",)),
            "stages: unknown checkpoint or output 'priced'; known: 'joined_parcels', ",
        ),
        (Settings(stages=("delay_model",) * 2), "stages name 'delay_model' 2 times"),
        (Settings(fan_out=True), "fan_out is true, but output 'parcel_features' has no partitions"),
        (
            Settings(fused=True, approval=True),
            "fused makes one task of a run, and approval needs more",
        ),
        (
            Settings(fused=True, stages=("joined_parcels",)),
            "fused makes one task of a run, and stages needs more; set only one of them",
        ),
    ],
)
def test_what_a_contract_does_not_offer_is_reported(settings: Settings, problem: str) -> None:
    problems = list(mismatches(PARCEL_DELAYS, settings))
    assert any(found.startswith(problem) for found in problems), problems


def test_what_fits_has_no_mismatch() -> None:
    assert not list(mismatches(PARCEL_DELAYS, CUT))
    assert not list(mismatches(COURIER_DAYS, Settings(fan_out=True, stages=("courier_days",))))
    assert not list(mismatches(PARCEL_DELAYS, Settings(fused=True, checkpoints=True)))
