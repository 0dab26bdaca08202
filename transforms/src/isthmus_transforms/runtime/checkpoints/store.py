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
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from isthmus_contracts.protocol import CheckpointQuota
from isthmus_transforms.runtime import codecs

_MAGIC = b"ISTHMUS2"
_HEADER = struct.Struct(">8s32s256s32s")
"""Magic, fingerprint, codec's name, and a digest of these and of all that follows."""
_SAVED, _PART = ".checkpoint", ".part"
_ABANDONED_SECONDS = 3600.0
DEFAULT_QUOTA = CheckpointQuota(megabytes=10_000, days=30)
_MAX_NAME_BYTES = 256
MISSING = object()
"""It is returned instead of a value that is not saved."""


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """Saves results by fingerprint, within a limit of bytes and of seconds since the last use.

    Any number of processes may use one directory. A file is complete or absent; a file whose header
    or digest is wrong is never used. `intermediates` are files elsewhere, by fingerprint, which are
    only read.
    """

    directory: Path
    limit_bytes: int
    limit_seconds: float
    intermediates: Mapping[str, Path] = field(default_factory=dict)

    def saved(self) -> set[str]:
        """Return the fingerprints of which there are files; `load` verifies them."""
        files = self.directory.glob(f"*{_SAVED}")
        return {path.stem for path in files} | self.intermediates.keys()

    def paths(self, fingerprint: str) -> list[Path]:
        """Return where a result may be: in this directory, and among the intermediates."""
        other = self.intermediates.get(fingerprint)
        return [self.directory / f"{fingerprint}{_SAVED}", *([other] if other else [])]

    def load(self, fingerprint: str) -> object:
        """Return the result, or `MISSING`; delete a file that is incomplete or corrupt."""
        for path in self.paths(fingerprint):
            value: object = MISSING
            with contextlib.suppress(OSError):
                value = _value(path.read_bytes(), fingerprint)
                if path.parent == self.directory:  # note its use, or delete it
                    path.unlink() if value is MISSING else os.utime(path)
            if value is not MISSING:
                return value
        return MISSING

    def save(self, fingerprint: str, value: object) -> tuple[str, int]:
        """Save the result; return its file's name and bytes, or raise `NotSavableError`."""
        codec, name = codecs.codec_for(value), codecs.name_of(type(value)).encode()
        if len(name) > _MAX_NAME_BYTES:
            raise codecs.NotSavableError("the name of its type is too long")
        path, part = self.paths(fingerprint)[0], self.directory / f"{uuid.uuid4().hex}{_PART}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(bytes(_HEADER.size))
                payload = codecs.DigestWriter(self.limit_bytes - _HEADER.size, file)
                identity = _MAGIC, bytes.fromhex(fingerprint), name.ljust(_MAX_NAME_BYTES, b"\0")
                payload.digest.update(b"".join(identity))
                codec.write(value, cast("BinaryIO", payload))
                file.seek(0)
                file.write(_HEADER.pack(*identity, payload.digest.digest()))
            # No fsync: after a power cut, the digest of an incomplete file is wrong.
            part.replace(path)
        except codecs.NotSavableError:
            raise
        except OSError as error:
            raise codecs.NotSavableError(f"the file cannot be written: {error}") from error
        except Exception as error:  # an author's codec may raise anything
            raise codecs.NotSavableError(
                f"its codec raised {type(error).__name__}: {error}"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        self.prune()
        return path.name, payload.length + _HEADER.size

    def prune(self) -> None:
        """Delete files beyond the limits, least recently used first.

        If another process is doing so, do nothing.
        """
        with contextlib.suppress(OSError), (self.directory / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = self.limit_bytes
            for used, size, path in sorted(self._files(), reverse=True):
                is_part, age = path.suffix == _PART, time.time() - used
                left -= 0 if is_part else size
                limit = _ABANDONED_SECONDS if is_part else self.limit_seconds
                if age > limit or (left < 0 and not is_part):
                    path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.directory.iterdir():
            if path.suffix in {_SAVED, _PART}:
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    yield found.st_mtime, found.st_size, path


def open_store(
    directory: Path, quota: CheckpointQuota = DEFAULT_QUOTA, intermediates: Iterable[Path] = ()
) -> CheckpointStore:
    """Return the store of a directory; `intermediates` are files that earlier stages saved."""
    known = {}
    for path in intermediates:
        with contextlib.suppress(OSError), path.open("rb") as file:
            start = file.read(_HEADER.size)
            if len(start) == _HEADER.size and start.startswith(_MAGIC):
                known[_HEADER.unpack(start)[1].hex()] = path
    return CheckpointStore(directory, quota.megabytes * 1_000_000, quota.days * 86_400, known)


def _value(content: bytes, fingerprint: str) -> object:
    """Return the value that a file holds, or `MISSING` if it is not exactly what was saved."""
    start, payload = content[: _HEADER.size], memoryview(content)[_HEADER.size :]
    if len(start) < _HEADER.size:
        return MISSING
    *identity, name, digest = _HEADER.unpack(start)
    expected = hashlib.sha256(start[: -len(digest)])
    expected.update(payload)
    codec = codecs.codec_named(name.rstrip(b"\0").decode(errors="replace"))
    if identity != [_MAGIC, bytes.fromhex(fingerprint)] or digest != expected.digest() or not codec:
        return MISSING
    try:
        return codec.read(cast("BinaryIO", pa.BufferReader(payload)))
    except Exception:  # noqa: BLE001 - for example, written by another version of the codec
        return MISSING
