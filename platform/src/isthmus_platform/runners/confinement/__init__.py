"""What the kernel lets a runner reach: files by Landlock, ports by Landlock and a socket filter.

`docs/security.md` says what each of the two bounds, and what stays open.
"""

from __future__ import annotations

from isthmus_platform.runners.confinement.access import Access
from isthmus_platform.runners.confinement.paths import code_paths, engine_paths

__all__ = ["Access", "code_paths", "engine_paths"]
