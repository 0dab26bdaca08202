"""Where files are stored: in a directory on a disk, or in a bucket that speaks S3.

`store` says what both offer, `disk` and `objects` are the two, and a `location` is a key in either.
`local_files` writes files on this host, `cache` holds copies of objects, and `error_text` shortens
the messages of S3 servers.
"""

from __future__ import annotations

from isthmus_platform.storage.disk import DiskStore
from isthmus_platform.storage.location import Location
from isthmus_platform.storage.store import Store, Stored

__all__ = ["DiskStore", "Location", "Store", "Stored"]
