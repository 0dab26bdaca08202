"""Whatever is killed, restarted or cut off in the middle of a task: one whole release."""

from __future__ import annotations

import time

import pytest
from stack import Stack, current

from isthmus_contracts.catalog import AIRPORT_DAYS

DONE = {"ingest": ("success", 1), "transform": ("success", 1), "publish": ("success", 1)}
CUT_SECONDS = 20


@pytest.mark.smoke
def test_a_worker_is_killed(published: Stack) -> None:
    undisturbed = current(published.lake)
    run = published.reach(AIRPORT_DAYS, "transform")
    published.kill("worker-transform")
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed
    assert published.attempts(AIRPORT_DAYS, run) == DONE | {"transform": ("success", 2)}


def test_redis_is_killed(published: Stack) -> None:
    undisturbed = current(published.lake)
    run = published.reach(AIRPORT_DAYS, "transform")
    published.kill("redis")
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed


def test_postgresql_is_restarted(published: Stack) -> None:
    undisturbed = current(published.lake)
    run = published.reach(AIRPORT_DAYS, "transform")
    published.compose("restart", "postgres")
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed


def test_the_scheduler_is_killed(published: Stack) -> None:
    undisturbed = current(published.lake)
    run = published.reach(AIRPORT_DAYS, "transform")
    published.kill("scheduler")
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed


def test_the_object_store_is_killed(published: Stack) -> None:
    undisturbed = current(published.lake)
    run = published.reach(AIRPORT_DAYS, "transform")
    published.kill("object-store")
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed


def test_the_object_store_is_cut_off_and_comes_back(published: Stack) -> None:
    undisturbed = current(published.lake)
    network = f"{published.environment['COMPOSE_PROJECT_NAME']}_stack"
    store = published.container("object-store")
    run = published.reach(AIRPORT_DAYS, "transform")
    published.docker("network", "disconnect", network, store)
    time.sleep(CUT_SECONDS)
    published.docker("network", "connect", "--alias", "object-store", network, store)
    assert published.published_by(AIRPORT_DAYS, run) == undisturbed
