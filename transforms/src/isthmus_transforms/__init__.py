"""Dataflows of the data-science team: plain typed functions that Hamilton runs anywhere."""

from __future__ import annotations

import os

# Hamilton would import every library that it has a plug-in for, which takes over a second; the
# runtime loads the plug-ins that it needs.
os.environ.setdefault("HAMILTON_AUTOLOAD_EXTENSIONS", "0")
