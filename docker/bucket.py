#!/opt/venvs/platform/bin/python
"""Create the lake's bucket, and the lake in it, unless they are there."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow.fs import FileType, S3FileSystem

from isthmus_platform.deployment import load_deployment
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore

CONNECTIONS = Path("/run/isthmus/connections.json")


def main() -> None:
    """Create what the deployment names, with the connection that it names."""
    place = load_deployment().lake
    connection = json.loads(CONNECTIONS.read_text(encoding="utf-8"))[str(place.connection)]
    endpoint = urlsplit(connection["extra"]["endpoint_url"])
    store = S3FileSystem(
        access_key=connection["login"],
        secret_key=connection["password"],
        region=connection["extra"]["region_name"],
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        allow_bucket_creation=True,
    )
    bucket = urlsplit(place.root).netloc
    if store.get_file_info(bucket).type == FileType.NotFound:
        store.create_dir(bucket)
        print(f"created bucket {bucket!r}")
    credentials = Credentials(
        endpoint=connection["extra"]["endpoint_url"],
        region=connection["extra"]["region_name"],
        access_key=connection["login"],
        secret_key=connection["password"],
    )
    prefix = urlsplit(place.root).path.strip("/")
    cache = Cache(Path(str(place.cache)), place.cache_megabytes * 1_000_000)
    make_lake(Lake(ObjectStore(bucket, prefix, credentials, cache)))


if __name__ == "__main__":
    main()
