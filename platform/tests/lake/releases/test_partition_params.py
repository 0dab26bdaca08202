from __future__ import annotations

from isthmus_contracts import Column, DataflowContract, Param, Table
from isthmus_platform.lake.releases.models import ReleasedPartition
from isthmus_platform.lake.releases.partition_params import count_params, mixed_params

ROWS = Table("rows", "Rows.", (Column("n", "int64", "Number."),))
PARAMS = (Param("model", "string", "logistic", "Model."), Param("seed", "integer", 1, "Seed."))
DATAFLOW = DataflowContract("rows", "1.0.0", "us", "Rows.", (), (ROWS,), PARAMS)


def made(**params: str | int) -> ReleasedPartition:
    return ReleasedPartition("run", (), params)


def test_partitions_are_counted_by_their_params() -> None:
    first = count_params({}, (), [made(model="a", seed=1)] * 3)
    assert first == {'{"model": "a", "seed": 1}': 3}
    second = count_params(first, [made(seed=1, model="a")], [made(model="b", seed=1)])
    assert second == {'{"model": "a", "seed": 1}': 2, '{"model": "b", "seed": 1}': 1}
    assert count_params(second, [made(model="b", seed=1)], ()) == {'{"model": "a", "seed": 1}': 2}


def test_each_param_that_differs_is_named_with_its_values() -> None:
    counts = count_params({}, (), [made(model="a", seed=1)] * 2 + [made(model="b", seed=1)])
    (sentence,) = mixed_params(DATAFLOW, "rows", counts)
    assert sentence == (
        "table 'rows': its partitions were computed with different values of param 'model': "
        '"a" in 2, "b" in 1'
    )


def test_what_was_computed_before_a_param_existed_counts_with_its_default() -> None:
    counts = count_params({}, (), [made(model="logistic"), made(model="logistic", seed=1)])
    assert list(mixed_params(DATAFLOW, "rows", counts)) == []
    counts = count_params({}, (), [made(), made(model="logistic", seed=2, gone=3)])
    (sentence,) = mixed_params(DATAFLOW, "rows", counts)
    assert "'seed': 1 in 1, 2 in 1" in sentence
