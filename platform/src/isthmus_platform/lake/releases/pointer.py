"""The pointer of a dataflow: a log of its moves, each a numbered document that is created once.

The move with the highest number names the current release. Creating the next number is the
compare-and-set: if the number exists already, that is a conflict, and the writer reads the moves
again and decides again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from isthmus_platform.errors import LakeError
from isthmus_platform.lake.clock import Clock, utc_now
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.storage import Location

_NUMBERED = re.compile(r"(\d{8})\.json")


@dataclass(frozen=True, slots=True)
class Move:
    """Record one move: to which release, from which, when, why and by whom (a run or a person).

    A move for the reason `garbage-collection` keeps the current release, and says that the releases
    in `removed` no longer exist. It is a move, so a rollback at the same time conflicts with it.
    """

    release: str
    previous: str | None
    at: str
    reason: Literal["publish", "rollback", "garbage-collection"]
    by: str
    removed: tuple[str, ...] = ()


def read_moves(pointer: Location) -> tuple[Move, ...]:
    """Return every move, the first one first."""
    return tuple(read_document(Move, _place(pointer, number)) for number in _numbers(pointer))


def last_move(pointer: Location) -> Move | None:
    """Return the move that names the current release, or None if there was no move yet."""
    numbers = _numbers(pointer)
    return read_document(Move, _place(pointer, numbers[-1])) if numbers else None


def append_move(  # noqa: PLR0913 - a move names all of it
    pointer: Location,
    moves: tuple[Move, ...],
    release: str,
    reason: Literal["publish", "rollback"],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Move the pointer to `release`; return False for a conflict, a move that is not in `moves`."""
    previous = moves[-1].release if moves else None
    return _append(pointer, moves, Move(release, previous, clock().isoformat(), reason, by))


def append_removal(
    pointer: Location,
    moves: tuple[Move, ...],
    releases: tuple[str, ...],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Say that `releases` no longer exist; return False for a conflict, as `append_move` does."""
    current = moves[-1].release
    at = clock().isoformat()
    move = Move(current, current, at, "garbage-collection", by, releases)
    return _append(pointer, moves, move)


def _append(pointer: Location, moves: tuple[Move, ...], move: Move) -> bool:
    try:
        write_once(_place(pointer, len(moves) + 1), move)
    except FileExistsError:
        return False
    return True


def _place(pointer: Location, number: int) -> Location:
    return pointer / f"{number:08}.json"


def _numbers(pointer: Location) -> list[int]:
    matches = map(_NUMBERED.fullmatch, pointer.names())
    numbers = sorted(int(match[1]) for match in matches if match)
    if numbers != list(range(1, len(numbers) + 1)):
        raise LakeError(pointer.address, f"has moves {numbers}, which leave a gap")
    return numbers
