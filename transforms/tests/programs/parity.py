"""Compute a dataflow as a program of a data scientist does, and write what it made.

`python parity.py DATAFLOW ENGINE INPUTS OUT`, with the transforms' Python; ENGINE is JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from isthmus_contracts.codec import deserialize
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.staging import stage


def main(name: str, engine: str, inputs: Path, out: Path) -> None:
    """Write every output into `out`, and metrics as JSON to standard output."""
    dataflow = load_dataflow(name)
    contract = dataflow.contract
    frames = dataflow.read_inputs(inputs)
    profile = deserialize(EngineProfile, json.loads(engine))
    names = [output.name for output in contract.outputs]
    made = dataflow.compute(names, frames, engine=profile)
    staged = [
        stage(output, made[output.name], out, table_format="parquet") for output in contract.outputs
    ]
    metrics = {output.name: output.metrics for output in staged if output.metrics is not None}
    sys.stdout.write(json.dumps(metrics))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:5]))
