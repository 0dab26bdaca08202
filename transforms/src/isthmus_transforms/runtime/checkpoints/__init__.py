"""Checkpoints: saved results, so that work already done is not done again.

- `planning`: which saved results take the place of computing; `results`: those of one run.
- `policy`: whether saving a result is worthwhile.
- `store`: the directory of files; `codecs` and `frame_codecs` turn values into bytes and back.
- `fingerprints`: what a node's result depends on, by `live_code`, with the names of `used_names`,
  and `libraries`; `digests` are those of a dataflow's inputs.
"""

from __future__ import annotations

from isthmus_transforms.runtime.checkpoints.digests import (
    digest_of_files,
    digest_of_frame,
    digest_of_input,
)
from isthmus_transforms.runtime.checkpoints.fingerprints import (
    Fingerprints,
    code_digest,
    fingerprint_nodes,
)
from isthmus_transforms.runtime.checkpoints.results import Checkpoints
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore

__all__ = [
    "MISSING",
    "CheckpointStore",
    "Checkpoints",
    "Fingerprints",
    "code_digest",
    "digest_of_files",
    "digest_of_frame",
    "digest_of_input",
    "fingerprint_nodes",
]
