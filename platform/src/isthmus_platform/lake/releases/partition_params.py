"""With which params the partitions of a table were computed: runs for intervals may mix them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from isthmus_contracts import DataflowContract
from isthmus_platform.lake.releases.models import ReleasedPartition


def count_params(
    before: Mapping[str, int],
    replaced: Iterable[ReleasedPartition],
    new: Iterable[ReleasedPartition],
) -> dict[str, int]:
    """Return how many partitions were computed with which params, which are JSON text.

    `before` is the same of the table in which `new` partitions take the place of `replaced` ones.
    """
    counts = Counter(before)
    counts.subtract(map(_text, replaced))
    counts.update(map(_text, new))
    return {text: count for text, count in sorted(counts.items()) if count > 0}


def mixed_params(
    dataflow: DataflowContract, table: str, counts: Mapping[str, int]
) -> Iterator[str]:
    """Yield a sentence for each param that has different values in the partitions of a table.

    A param that did not exist when a partition was computed counts with its default.
    """
    for param in dataflow.params:
        values: Counter[str] = Counter()
        for text, count in counts.items():
            values[json.dumps(json.loads(text).get(param.name, param.default))] += count
        if len(values) > 1:
            shown = ", ".join(f"{value} in {count}" for value, count in sorted(values.items()))
            yield (
                f"table {table!r}: its partitions were computed with different values of param "
                f"{param.name!r}: {shown}"
            )


def _text(partition: ReleasedPartition) -> str:
    return json.dumps(dict(partition.params), sort_keys=True)
