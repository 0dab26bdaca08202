"""Fingerprints: one digest for each node, of everything that its result depends on.

- `nodes`: `fingerprint_nodes`, which combines code, params, inputs and the environment.
- `dependencies`: a definition, and all of our own code that it uses.
- `import_effects`: code that runs when a module is imported, and may change what others use.
- `loaded_values`: the values that names have in this process.
- `used_names`: the names that a statement uses.
- `module_source`: which modules are our own code, and what each one defines.

What cannot be digested exactly has no fingerprint, and is computed each time.
"""

from __future__ import annotations

from isthmus_transforms.runtime.checkpoints.fingerprints.nodes import (
    Fingerprints,
    fingerprint_nodes,
)

__all__ = ["Fingerprints", "fingerprint_nodes"]
