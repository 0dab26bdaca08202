"""A runner with a bug in its store of checkpoints, so that chaos shows that it finds it.

`python buggy_checkpoints.py BUG [ARGUMENT...]` serves a request as the real runner does, or, with
arguments, as `crashing_runner.py` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO

import crashing_runner

from isthmus_transforms import runner
from isthmus_transforms.runtime.checkpoints import MISSING, store
from isthmus_transforms.runtime.codecs import codec_named


def main(bug: str, fault: Sequence[str]) -> None:
    """Plant the bug, and serve the request on standard input."""
    BUGS[bug]()
    if fault:
        crashing_runner.main(*fault)
    runner.main()


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
    main(sys.argv[1], sys.argv[2:])
