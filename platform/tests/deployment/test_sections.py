"""What the sections of a deployment file refuse."""

from __future__ import annotations

import pytest

from isthmus_platform.deployment import LakeLocation, Runner, RunsLocation, Source


def test_a_lake_is_in_a_directory_or_in_a_bucket() -> None:
    assert not LakeLocation("/lake").is_bucket
    assert LakeLocation("s3://bucket/prefix", cache="/cache").is_bucket


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LakeLocation("lake"), "root is 'lake'; allowed: an absolute path, or a bucket"),
        (lambda: LakeLocation("s3://b"), "cache is None; allowed: an absolute path, because"),
        (lambda: LakeLocation("/lake", cache="/x"), "cache is '/x'; allowed: none, because"),
        (lambda: RunsLocation("runs"), "root is 'runs'; allowed: an absolute path"),
        (lambda: RunsLocation("/runs", 0.5), "keep_days is 0.5; allowed: 1 to ten years"),
        (lambda: RunsLocation("/runs", 4000), "keep_days is 4000; allowed: 1 to ten years"),
        (lambda: Source("shop", chunk_rows=0), "chunk_rows is 0; allowed: 1 or more"),
        (lambda: Runner((), "/home"), r"command is \[\]; allowed: a program and its arguments"),
        (lambda: Runner(("python",), "home"), "home is 'home'; allowed: an absolute path"),
        (lambda: Runner(("python",), "/home", user="root"), "user is 'root'; allowed: a Unix user"),
        (
            lambda: Runner(("python",), "/home", network=(5432, 0)),
            "a port in network is 0; allowed: 1 to 65535",
        ),
        (
            lambda: Runner(("python",), "/home", network=(65536,)),
            "a port in network is 65536; allowed: 1 to 65535",
        ),
        (
            lambda: Runner(("python",), "/home", readable=("models",)),
            "a path in readable is 'models'; allowed: an absolute path",
        ),
        (
            lambda: Runner(("python",), "/home", writable=("/a", "b")),
            "a path in writable is 'b'; allowed: an absolute path",
        ),
        (
            lambda: Runner(("python",), "/home", {"AIRFLOW_HOME": "/x"}),
            "a name in environment is 'AIRFLOW_HOME'; allowed: no setting of Airflow's",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_what_is_allowed(
    make: object, message: str
) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
