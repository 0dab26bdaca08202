from __future__ import annotations

from hypothesis import settings

settings.register_profile("contracts", max_examples=30, deadline=None, database=None)
settings.load_profile("contracts")
