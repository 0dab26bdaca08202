"""A runner that kills itself in its store of checkpoints, or has a bug there.

`python struck_runner.py kill PLACE CALL MOMENT SIGN` serves a request as the real one does, until
it kills itself before or after the n-th call of a place, a name in the store; the file SIGN says
that it did. With `tear` instead of `kill`, half of what was to be written is written first. With
`plant BUG` before that, or alone, it has a bug.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from isthmus_transforms import runner
from isthmus_transforms.runtime.checkpoints import MISSING, store
from isthmus_transforms.runtime.checkpoints.codecs import codec_named


def main(words: Sequence[str]) -> NoReturn:
    """Plant and set what the words say, and serve the request on standard input."""
    if words[0] == "plant":
        BUGS[words[1]]()
        words = words[2:]
    if words:
        deed, place, call, moment, sign = words
        _set_trap(deed, place, int(call), moment, Path(sign))
    runner.main()


def _set_trap(deed: str, place: str, call: int, moment: str, sign: Path) -> None:
    owner, name = find(place)
    real, calls = getattr(owner, name), 0

    def trapped(*args: Any, **more: Any) -> object:
        nonlocal calls
        calls += 1
        if calls == call and moment == "before":
            if deed == "tear":
                _tear(*args)
            _die(sign)
        made = real(*args, **more)
        if calls == call and moment == "after":
            _die(sign)
        return made

    setattr(owner, name, trapped)


def find(place: str) -> tuple[object, str]:
    """Return what holds a name of the store, as in `Class.method`, and the last part of it."""
    *between, name = place.split(".")
    owner: object = store
    for each in between:
        owner = getattr(owner, each)
    if not hasattr(owner, name):
        raise LookupError(f"the store has no {place}")
    return owner, name


def _tear(payload: store._Payload, content: bytes) -> None:
    """Bring half of the content to where a file's bytes survive a kill."""
    half = memoryview(content).cast("B")
    payload._file.write(half[: len(half) // 2])
    payload._file.flush()


def _die(sign: Path) -> None:
    sign.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _no_digest() -> None:
    """Believe what a file holds without comparing it with its digest."""

    def value(file: BinaryIO, fingerprint: str) -> object:
        header = store._header(file, fingerprint)
        codec = codec_named(header[0].decode()) if header else None
        return codec.read(file) if codec else MISSING

    store._value = value


def _no_fingerprint() -> None:
    """Believe that a file is what its name says."""
    real_header, real_value = store._header, store._value

    def own(file: BinaryIO) -> str:
        start = file.read(store._HEADER.size)
        file.seek(0)
        return store._HEADER.unpack(start)[2].hex() if len(start) == store._HEADER.size else "00"

    store._header = lambda file, _: real_header(file, own(file))
    store._value = lambda file, _: real_value(file, own(file))


def _keeps_parts() -> None:
    """Let what the dead were writing lie for ever."""
    store._ABANDONED_SECONDS = float("inf")


BUGS: dict[str, Callable[[], None]] = {
    "no-digest": _no_digest,
    "no-fingerprint": _no_fingerprint,
    "keeps-parts": _keeps_parts,
}


if __name__ == "__main__":
    main(sys.argv[1:])
