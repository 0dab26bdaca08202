"""Checkpoints: saved results, so that work already done is not done again.

- `results`: `Checkpoints`, which loads and saves the results of one run.
- `policy`: whether saving a result is worthwhile; `store`: the directory of files.
- `fingerprints`: what a node's result depends on, by `live_code`, `used_names` and `libraries`.
"""

from __future__ import annotations

from isthmus_transforms.runtime.checkpoints.fingerprints import code_digest, fingerprint_nodes
from isthmus_transforms.runtime.checkpoints.results import Checkpoints

__all__ = ["Checkpoints", "code_digest", "fingerprint_nodes"]
