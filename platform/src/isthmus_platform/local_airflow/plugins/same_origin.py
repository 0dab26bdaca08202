"""The plugin of every Airflow, which Airflow finds only in its one folder of plugins."""

from __future__ import annotations

from isthmus_platform.plugins.same_origin import SameOriginPlugin

__all__ = ["SameOriginPlugin"]
