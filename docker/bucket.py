#!/opt/venvs/platform/bin/python
"""Create the lake's bucket, unless it is there."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow.fs import FileType, S3FileSystem

from isthmus_platform.deployment import load_deployment

CONNECTIONS = Path("/run/isthmus/connections.json")


def main() -> None:
    """Create the bucket that the deployment names, with the connection that it names."""
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


if __name__ == "__main__":
    main()
