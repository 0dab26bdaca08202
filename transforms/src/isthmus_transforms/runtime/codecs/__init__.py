"""Codecs: how a value of some type becomes bytes, and the bytes exactly the same value.

`values` has the registry, and the codecs of plain values, arrays and Arrow tables; `frames` has
those of pandas.
"""

from __future__ import annotations

from isthmus_transforms.runtime.codecs.frames import FrameCodec
from isthmus_transforms.runtime.codecs.values import (
    Codec,
    DigestWriter,
    NotSavableError,
    codec_for,
    codec_named,
    name_of,
    register,
)

__all__ = [
    "Codec",
    "DigestWriter",
    "FrameCodec",
    "NotSavableError",
    "codec_for",
    "codec_named",
    "name_of",
    "register",
]
