"""The pointer of a dataflow: a log of its moves, each a numbered document that is created once.

The move with the highest number names the current release. Creating the next number is the
compare-and-set: if the number exists already, that is a conflict, and the writer reads the newest
move again and decides again.

The names of the documents count down, so the newest move is the first name in its folder. To find
it costs one request, however many moves there were.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from isthmus_platform.errors import LakeError
from isthmus_platform.lake.clock import Clock, utc_now
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.releases.models import number_of
from isthmus_platform.storage import Location

_NAME = re.compile(r"(\d{8})\.json")
_FIRST_NAME = 10**8 - 1


@dataclass(frozen=True, slots=True)
class Move:
    """Record one move: to which release, from which, when, why and by whom (a run or a person).

    Since this move, of the releases that were published before the move `oldest`, only those in
    `kept` exist. A move for the reason `garbage-collection` keeps the current release and changes
    these two, so a rollback at the same time conflicts with it; any other move repeats them.
    """

    number: int
    release: str
    previous: str | None
    at: str
    reason: Literal["publish", "rollback", "garbage-collection"]
    by: str
    oldest: int = 1
    kept: tuple[str, ...] = ()

    def keeps(self, release: str) -> bool:
        """Say whether a release that was published up to this move still exists."""
        return number_of(release) >= self.oldest or release in self.kept


def last_move(pointer: Location) -> Move | None:
    """Return the move that names the current release, or None if there was no move yet."""
    for name in pointer.ordered_names():
        if match := _NAME.fullmatch(name):
            return read_move(pointer, _FIRST_NAME - int(match[1]) + 1)
    return None


def read_move(pointer: Location, number: int) -> Move:
    """Return the move of this number; raise `LakeError` if it is missing or not what it says."""
    place = _place(pointer, number)
    try:
        move = read_document(Move, place)
    except FileNotFoundError:
        raise LakeError(pointer.address, f"has no move {number}, which leaves a gap") from None
    if move.number != number:
        raise LakeError(place.address, f"is move {move.number}; its name is that of move {number}")
    return move


def read_moves(pointer: Location) -> tuple[Move, ...]:
    """Return every move, the first one first; raise `LakeError` if one is missing."""
    last = last_move(pointer)
    return tuple(moves_to(pointer, last, 1)) if last else ()


def moves_to(pointer: Location, last: Move, first: int) -> Iterator[Move]:
    """Yield the moves from the number `first` to `last`; raise `LakeError` if one is missing."""
    yield from (read_move(pointer, number) for number in range(first, last.number))
    yield last


def is_published(pointer: Location, last: Move, release: str) -> bool:
    """Say whether a release was published up to the move `last`, removed or not."""
    number = number_of(release)
    if not 0 < number <= last.number:
        return False
    return release == (last if number == last.number else read_move(pointer, number)).release


def removal_of(pointer: Location, last: Move, release: str) -> Move:
    """Return the move that removed a release, which `last` does not keep."""
    numbers = range(1, last.number + 1)
    index = bisect_left(
        numbers,
        True,
        lo=number_of(release) - 1,
        key=lambda number: not read_move(pointer, number).keeps(release),
    )
    return read_move(pointer, numbers[index])


def append_move(  # noqa: PLR0913 - a move names all of it
    pointer: Location,
    last: Move | None,
    release: str,
    reason: Literal["publish", "rollback"],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Move the pointer to `release`; return False for a conflict, a move that follows `last`."""
    at = clock().isoformat()
    if last is None:
        return _append(pointer, Move(1, release, None, at, reason, by))
    oldest, kept = last.oldest, last.kept
    return _append(
        pointer, Move(last.number + 1, release, last.release, at, reason, by, oldest, kept)
    )


def append_removal(  # noqa: PLR0913 - what remains, and who wants it
    pointer: Location,
    last: Move,
    oldest: int,
    kept: tuple[str, ...],
    by: str,
    *,
    clock: Clock = utc_now,
) -> bool:
    """Say which releases still exist; return False for a conflict, as `append_move` does."""
    at = clock().isoformat()
    move = Move(last.number + 1, last.release, last.release, at, "garbage-collection", by)
    return _append(pointer, replace(move, oldest=oldest, kept=kept))


def _append(pointer: Location, move: Move) -> bool:
    try:
        write_once(_place(pointer, move.number), move)
    except FileExistsError:
        return False
    return True


def _place(pointer: Location, number: int) -> Location:
    return pointer / f"{_FIRST_NAME - number + 1:08}.json"
