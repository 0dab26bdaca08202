"""A store in a bucket that speaks S3, with conditional writes."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.error_text import one_line
from isthmus_platform.storage.store import Stored

if TYPE_CHECKING:
    from obstore import ObjectMeta


@dataclass(frozen=True, slots=True)
class Credentials:
    """Hold the credentials for a bucket, and where it is.

    A field that is None is taken from the environment variables `AWS_...`, or from the machine's
    role.
    """

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    @property
    def config(self) -> dict[str, str]:
        """Return the fields under obstore's names."""
        named = {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "session_token": self.session_token,
            "conditional_put": "etag",
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def client(self) -> dict[str, bool]:
        """Allow unencrypted requests for an endpoint `http://`; AWS_ALLOW_HTTP allows them, too."""
        return {"allow_http": True} if (self.endpoint or "").startswith("http://") else {}


class ObjectStore:
    """Store files below `prefix` in a bucket; files are read through a cache on this host."""

    def __init__(self, bucket: str, prefix: str, credentials: Credentials, cache: Cache) -> None:
        named = {**credentials.config, **dict.fromkeys(credentials.client, "true")}
        self.options: Mapping[str, str] = {f"aws_{name}": value for name, value in named.items()}
        self._root = f"s3://{bucket}/{prefix}".rstrip("/")
        self._cache = cache
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=credentials.config,  # type: ignore[arg-type] # these are some of its names
            client_options=credentials.client or None,  # type: ignore[arg-type] # this too
        )

    def __repr__(self) -> str:
        return f"ObjectStore({self._root!r})"

    def address(self, key: str) -> str:
        """Return an `s3:` URI."""
        return f"{self._root}/{key}" if key else self._root

    def create(self, key: str, content: bytes) -> None:
        """Create an object on the condition that it does not exist."""
        with _failed(self.address(key)):
            obstore.put(self._store, key, content, mode="create", use_multipart=False)

    def read(self, key: str) -> bytes:
        """Return an object's content."""
        with _failed(self.address(key)):
            return obstore.get(self._store, key).bytes().to_bytes()

    def find(self, key: str) -> Stored | None:
        """Return size and time of an object."""
        with _failed(self.address(key)):
            try:
                return _stored(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names below a prefix, up to the next slash."""
        with _failed(self.address(folder)):
            found = obstore.list_with_delimiter(self._store, folder)
        keys = [*(meta["path"] for meta in found["objects"]), *found["common_prefixes"]]
        return tuple(sorted(key.rpartition("/")[2] for key in keys))

    def ordered_names(self, folder: str) -> Iterator[str]:
        """Yield the names below a prefix, up to the next slash, in the order of the bucket."""
        for stored in self.walk(folder):
            name = stored.key.removeprefix(f"{folder}/")
            if "/" not in name:
                yield name

    def walk(self, folder: str) -> Iterator[Stored]:
        """Yield every object below a prefix, in the order of the bucket."""
        with _failed(self.address(folder)):
            for objects in obstore.list(self._store, folder, chunk_size=1000):
                yield from map(_stored, objects)

    def drafts(self, folder: str) -> Iterator[Stored]:  # noqa: ARG002 - the protocol's
        """Yield nothing: an object exists whole or not at all."""
        yield from ()

    def remove(self, *keys: str) -> None:
        """Remove objects, up to 1,000 of them in a request."""
        if keys:
            with _failed(self.address(keys[0])):
                obstore.delete(self._store, list(keys))

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Give a path in a private directory, and upload the file afterwards."""
        with self._cache.private() as directory:
            path = directory / uuid4().hex
            yield path
            with _failed(self.address(key)):
                obstore.put(self._store, key, path)

    def flush(self, key: str) -> None:
        """Do nothing: an object that can be read is durable."""

    def local(self, key: str) -> Path:
        """Return the object's copy in the cache, which is made if it is missing."""
        return self._cache.copy(self.address(key), lambda path: self._download(key, path))

    def local_folder(self, folder: str) -> Path:  # noqa: ARG002 - a copy's name is a digest
        """Return the directory of all copies in the cache."""
        return self._cache.directory()

    def _download(self, key: str, path: Path) -> None:
        with _failed(self.address(key)), path.open("xb") as file:
            found = obstore.get(self._store, key)
            for chunk in found.stream():
                file.write(chunk)
            if file.tell() != found.meta["size"]:
                raise OSError(errno.EIO, f"only {file.tell()} bytes arrived", self.address(key))


def _stored(meta: ObjectMeta) -> Stored:
    return Stored(meta["path"], meta["size"], meta["last_modified"])


@contextmanager
def _failed(address: str) -> Iterator[None]:
    """Turn obstore's errors into those that a disk raises."""
    try:
        yield
    except AlreadyExistsError:
        raise FileExistsError(errno.EEXIST, "it exists already", address) from None
    except (FileNotFoundError, BaseError) as error:
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            raise FileNotFoundError(errno.ENOENT, "there is no such object", address) from None
        raise OSError(errno.EIO, one_line(str(error)), address) from None
