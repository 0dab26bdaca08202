"""Where bytes are kept: a directory on a disk, or a bucket that speaks S3."""

from __future__ import annotations

from isthmus_platform.storage.disk import DiskStore
from isthmus_platform.storage.location import Location
from isthmus_platform.storage.store import Store, Stored

__all__ = ["DiskStore", "Location", "Store", "Stored"]
