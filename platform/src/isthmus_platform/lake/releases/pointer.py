"""The pointer of a dataflow: a log of its moves, each a numbered document that is created once.

The highest number is where the pointer stands. Creating the next number is the compare-and-set:
whoever finds it taken has been overtaken, reads again and decides again.
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

    A move of the reason `garbage-collection` stays where it is: it says that the releases in
    `removed` are none from now on. That it is a move is what keeps it apart from a rollback at the
    same time.
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
    """Return the move that says where the pointer stands, or None if it was never set."""
    numbers = _numbers(pointer)
    return read_document(Move, _place(pointer, numbers[-1])) if numbers else None


def try_move(  # noqa: PLR0913 - a move names all of it
    pointer: Location,
    moves: tuple[Move, ...],
    release: str,
    reason: Literal["publish", "rollback"],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Move the pointer to `release`, or return False if it has moved on since `moves`."""
    previous = moves[-1].release if moves else None
    return _append(pointer, moves, Move(release, previous, clock().isoformat(), reason, by))


def try_remove(
    pointer: Location,
    moves: tuple[Move, ...],
    releases: tuple[str, ...],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Say that `releases` are none any more, or return False if it has moved on since `moves`."""
    stays = moves[-1].release
    return _append(
        pointer, moves, Move(stays, stays, clock().isoformat(), "garbage-collection", by, releases)
    )


def _append(pointer: Location, moves: tuple[Move, ...], move: Move) -> bool:
    try:
        write_once(_place(pointer, len(moves) + 1), move)
    except FileExistsError:
        return False
    return True


def _place(pointer: Location, number: int) -> Location:
    return pointer / f"{number:08}.json"


def _numbers(pointer: Location) -> list[int]:
    found = [_NUMBERED.fullmatch(name) for name in pointer.names()]
    numbers = sorted(int(result[1]) for result in found if result)
    if numbers != list(range(1, len(numbers) + 1)):
        raise LakeError(pointer.address, f"has moves {numbers}, which leave a gap")
    return numbers
