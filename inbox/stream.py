"""The arithmetic of a numbered stream: what a mark changes, where a cursor stands, what is missing. Pure.

Both stores and the gateway decide with these functions, so there is one answer to each question.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from inbox.errors import StreamReset
from inbox.model import Counts, Cursor, Head, MarkOp

Frame = TypeVar("Frame")

MARK_IDS_MAX = 500
"""An entry names the items it changed one by one up to this many, and says ``upto`` beyond."""


class ItemState(Struct, frozen=True):
    """The part of an item that marks change."""

    id: str
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None
    removed_at: int | None = None


def marked(op: MarkOp, state: ItemState, at: int) -> ItemState:
    """``state`` after ``op`` at time ``at`` (ms); the very same object if the mark changes nothing.

    ``read`` also sets seen, ``unread`` clears read only, a removed item never changes again.
    """
    if state.removed_at is not None:
        return state
    match op:
        case "read" if state.read_at is None:
            return replace(state, read_at=at, seen_at=at if state.seen_at is None else state.seen_at)
        case "unread" if state.read_at is not None:
            return replace(state, read_at=None)
        case "seen" if state.seen_at is None:
            return replace(state, seen_at=at)
        case "archive" if state.archived_at is None:
            return replace(state, archived_at=at)
        case "unarchive" if state.archived_at is not None:
            return replace(state, archived_at=None)
        case "remove":
            return replace(state, removed_at=at)
    return state


def weight(state: ItemState) -> Counts:
    """What one item adds to the counts of its stream."""
    if state.removed_at is not None or state.archived_at is not None:
        return Counts(0, 0)
    return Counts(int(state.read_at is None), int(state.seen_at is None))


def mark_all(op: MarkOp, states: Iterable[ItemState], counts: Counts, at: int) -> tuple[list[ItemState], Counts]:
    """Apply ``op`` to ``states``: those that changed, as they are afterwards, and the stream's counts then."""
    changed: list[ItemState] = []
    unread, unseen = counts.unread, counts.unseen
    for before in states:
        after = marked(op, before, at)
        if after is not before:
            old, new = weight(before), weight(after)
            unread += new.unread - old.unread
            unseen += new.unseen - old.unseen
            changed.append(after)
    return changed, Counts(unread, unseen)


def clamp_upto(upto: int, epoch: str | None, head: Head) -> int:
    """``upto`` as far as the stream goes.

    :raises StreamReset: ``epoch`` is given and names another incarnation of the stream.
    """
    if epoch is not None and epoch != head.epoch:
        raise StreamReset(f"expected epoch {head.epoch}, got {epoch}: the stream was started over, fetch a snapshot")
    return min(upto, head.seq)


def is_reset(cursor: Cursor, head: Head) -> bool:
    """Whether ``cursor`` cannot belong to the stream that stands at ``head``: foreign epoch, or beyond the head."""
    return cursor.epoch != head.epoch or not 0 <= cursor.seq <= head.seq


class Reassembly(Generic[Frame]):
    """Puts pages of the log and live frames of one stream into one order, for any number of readers.

    Frames that arrive while a page is being read are kept, up to ``limit``; beyond it the *newest* are let go,
    because the log holds them and a reader that falls short reads again. Numbers are ``seq``.
    """

    __slots__ = ("_frames", "_limit", "high")

    def __init__(self, limit: int) -> None:
        self._frames: dict[int, Frame] = {}
        self._limit = limit
        self.high = 0

    def keep(self, seq: int, frame: Frame) -> None:
        """A live frame came. ``high`` remembers the number even where the frame is let go."""
        self.high = max(self.high, seq)
        if len(self._frames) < self._limit:
            self._frames[seq] = frame

    def run(self, after: int, page: Iterable[tuple[int, Frame]] = ()) -> list[tuple[int, Frame]]:
        """What a reader that stands at ``after`` can have now: dense, in order, from ``page`` and the kept frames."""
        known = dict(page)
        ready: list[tuple[int, Frame]] = []
        seq = after + 1
        while (frame := known.get(seq, self._frames.get(seq))) is not None:
            ready.append((seq, frame))
            seq += 1
        return ready
