"""A runner with a bug in its store of checkpoints, so that chaos shows that it finds it.

`python buggy_checkpoints.py BUG [ARGUMENT...]` serves a request as the real runner does, or, with
arguments, as `crashing_runner.py` does.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence

import crashing_runner

from isthmus_transforms import runner
from isthmus_transforms.runtime.checkpoints import store
from isthmus_transforms.runtime.codecs import codec_named


def main(bug: str, fault: Sequence[str]) -> None:
    """Plant the bug, and serve the request on standard input."""
    BUGS[bug]()
    if fault:
        crashing_runner.main(*fault)
    runner.main()


def _no_digest() -> None:
    """Believe what a file holds without comparing it with its digest."""

    def value(content: bytes, fingerprint: str) -> object:
        start, payload = content[: store._HEADER.size], content[store._HEADER.size :]
        if len(start) < store._HEADER.size:
            return store.MISSING
        _, found, name, _ = store._HEADER.unpack(start)
        codec = codec_named(name.rstrip(b"\0").decode(errors="replace"))
        return (
            codec.read(io.BytesIO(payload))
            if codec and found.hex() == fingerprint
            else store.MISSING
        )

    store._value = value


def _no_fingerprint() -> None:
    """Believe that a file is what its name says."""
    real = store._value

    def value(content: bytes, fingerprint: str) -> object:
        start = content[: store._HEADER.size]
        whole = len(start) == store._HEADER.size
        return real(content, store._HEADER.unpack(start)[1].hex() if whole else fingerprint)

    store._value = value


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
