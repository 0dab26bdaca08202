"""A directory of saved results, each in a file with its fingerprint and a digest."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import struct
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

from isthmus_transforms.runtime.checkpoints.codecs import (
    NotSavableError,
    codec_for,
    codec_named,
    name_of,
)

_MAGIC, _VERSION = b"ISTHMUS\n", 1
_HEADER = struct.Struct(">8sH32s256sQ32s")
"""Magic, version, fingerprint, codec's name, payload's length, digest of all but these."""
_SAVED, _PART = ".checkpoint", ".part"
_ABANDONED_SECONDS = 3600.0
_CHUNK = 1 << 20
_MAX_NAME_BYTES = 256


class Missing(Enum):
    """The type of `MISSING`, which is returned instead of a value that is not saved."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """Saves results by fingerprint, within a limit of bytes and of seconds since the last use.

    Any number of processes may use one directory. A file is complete or absent; a file whose header
    or digest is wrong is never used. `intermediates` are files in other directories, which are only
    read, by fingerprint.
    """

    directory: Path
    limit_bytes: int
    limit_seconds: float
    intermediates: Mapping[str, Path] = field(default_factory=dict)

    def has(self, fingerprint: str) -> bool:
        """Return whether a file with the right header exists; `load` also checks its digest."""
        return self.file(fingerprint) is not None

    def file(self, fingerprint: str) -> Path | None:
        """Return the file of a result that has the right header, or None."""
        for path in self._paths(fingerprint):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if _header(file, fingerprint) is not None:
                    return path
        return None

    def load(self, fingerprint: str) -> object:
        """Return the result, or `MISSING`; delete a file that is incomplete or corrupt."""
        for path in self._paths(fingerprint):
            try:
                with path.open("rb") as file:
                    value = _value(file, fingerprint)
            except OSError:
                continue
            with contextlib.suppress(OSError):
                if path == self._path(fingerprint):
                    if value is MISSING:
                        path.unlink()
                    else:
                        os.utime(path)  # the time of its last use
            if value is not MISSING:
                return value
        return MISSING

    def save(self, fingerprint: str, value: object) -> tuple[str, int]:
        """Save the result; return its file's name and bytes, or raise `NotSavableError`."""
        codec = codec_for(value)
        name = name_of(type(value)).encode()
        path, part = self._path(fingerprint), self.directory / f"{uuid.uuid4().hex}{_PART}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(bytes(_HEADER.size))
                payload = _Payload(file, fingerprint, name, self.limit_bytes - _HEADER.size)
                codec.write(value, cast("BinaryIO", payload))
                file.seek(0)
                file.write(payload.header())
            # No fsync: after a power cut, the digest of an incomplete file is wrong.
            part.replace(path)
        except NotSavableError:
            raise
        except OSError as error:
            raise NotSavableError(f"the file cannot be written: {error}") from error
        except Exception as error:  # an author's codec may raise anything
            raise NotSavableError(f"its codec raised {type(error).__name__}: {error}") from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        self.prune()
        return path.name, _HEADER.size + payload.length

    def prune(self) -> None:
        """Delete files beyond the limits, least recently used first.

        If another process is doing so, do nothing.
        """
        with contextlib.suppress(OSError), (self.directory / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = self.limit_bytes
            for used, size, path in sorted(self._files(), reverse=True):
                age = time.time() - used
                if path.suffix == _PART:
                    too_old = age > _ABANDONED_SECONDS
                else:
                    left -= size
                    too_old = left < 0 or age > self.limit_seconds
                if too_old:
                    path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.directory.iterdir():
            if path.suffix in {_SAVED, _PART}:
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    yield found.st_mtime, found.st_size, path

    def _path(self, fingerprint: str) -> Path:
        return self.directory / f"{fingerprint}{_SAVED}"

    def _paths(self, fingerprint: str) -> Iterator[Path]:
        yield self._path(fingerprint)
        if fingerprint in self.intermediates:
            yield self.intermediates[fingerprint]


def by_fingerprint(files: Iterable[Path]) -> dict[str, Path]:
    """Return the files that have a header of this format, by the fingerprint in it."""
    found = {}
    for path in files:
        with contextlib.suppress(OSError), path.open("rb") as file:
            start = file.read(_HEADER.size)
            if len(start) == _HEADER.size:
                magic, version, fingerprint, *_ = _HEADER.unpack(start)
                if (magic, version) == (_MAGIC, _VERSION):
                    found[fingerprint.hex()] = path
    return found


class _Payload:
    """Counts and digests what a codec writes into the file."""

    closed = False

    def __init__(self, file: BinaryIO, fingerprint: str, codec: bytes, limit: int) -> None:
        self._file = file
        self._start = _MAGIC, _VERSION, bytes.fromhex(fingerprint), codec
        self._digest = _digest(*self._start[2:])
        self._limit = limit
        self.length = 0
        if len(codec) > _MAX_NAME_BYTES:
            raise NotSavableError("the name of its type is too long")

    def write(self, content: bytes) -> int:
        view = memoryview(content).cast("B")
        self.length += len(view)
        if self.length > self._limit:
            raise NotSavableError("it is larger than the limit of the directory")
        self._digest.update(view)
        self._file.write(view)
        return len(view)

    def flush(self) -> None:
        self._file.flush()

    def header(self) -> bytes:
        return _HEADER.pack(*self._start, self.length, self._digest.digest())


def _digest(fingerprint: bytes, codec: bytes) -> hashlib._Hash:
    return hashlib.sha256(fingerprint + codec.ljust(_MAX_NAME_BYTES, b"\0"))


def _header(file: BinaryIO, fingerprint: str) -> tuple[bytes, bytes] | None:
    """Return the codec's name and the digest, or None if the header does not match."""
    start = file.read(_HEADER.size)
    if len(start) < _HEADER.size:
        return None
    magic, version, found, codec, length, digest = _HEADER.unpack(start)
    expected = _MAGIC, _VERSION, bytes.fromhex(fingerprint)
    size = os.fstat(file.fileno()).st_size
    if (magic, version, found) != expected or size != _HEADER.size + length:
        return None
    name = codec.rstrip(b"\0")
    return None if codec_named(name.decode(errors="replace")) is None else (name, digest)


def _value(file: BinaryIO, fingerprint: str) -> object:
    header = _header(file, fingerprint)
    if header is None:
        return MISSING
    name, expected = header
    digest = _digest(bytes.fromhex(fingerprint), name)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    codec = codec_named(name.decode())
    if digest.digest() != expected or codec is None:
        return MISSING
    file.seek(_HEADER.size)
    try:
        return codec.read(file)
    except Exception:  # noqa: BLE001 - for example, written by another version of the codec
        return MISSING
