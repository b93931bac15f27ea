"""The shape of an item: which of its times are set. It is all that marks and filters look at, and it is indexed.

A mark of a user's 10,000 items is decided per shape, by ``inbox.stream``, and a page of the few unread ones among them
is a few short ranges of an index.
"""

from inbox.model import Counts, MarkOp, Status
from inbox.stream import ItemState, marked, weight

REMOVED = 8
"""The shape of every removed item: no filter names it."""

SHAPES = tuple(range(REMOVED))


def shape_of(state: ItemState) -> int:
    if state.removed_at is not None:
        return REMOVED
    return (state.seen_at is not None) + 2 * (state.read_at is not None) + 4 * (state.archived_at is not None)


def of_shape(shape: int) -> ItemState:
    """An item of this shape; the times themselves do not matter."""
    seen_at, read_at, archived_at = (0 if shape & bit else None for bit in (1, 2, 4))
    return ItemState("", seen_at, read_at, archived_at)


def changing(op: MarkOp) -> list[int]:
    """The shapes that ``op`` changes."""
    return [shape for shape in SHAPES if marked(op, state := of_shape(shape), 0) is not state]


def weigh(op: MarkOp, shapes: dict[int, int], counts: Counts) -> Counts:
    """The counts of a stream after ``op`` on so many items of each of these shapes."""
    unread, unseen = counts.unread, counts.unseen
    for shape, n in shapes.items():
        old, new = weight(before := of_shape(shape)), weight(marked(op, before, 0))
        unread += n * (new.unread - old.unread)
        unseen += n * (new.unseen - old.unseen)
    return Counts(unread, unseen)


def _shows(status: Status, shape: int) -> bool:
    state, counts = of_shape(shape), weight(of_shape(shape))
    match status:
        case "inbox":
            return state.archived_at is None
        case "unread":
            return counts.unread > 0
        case "unseen":
            return counts.unseen > 0
        case "archived":
            return state.archived_at is not None
        case "all":
            return True


STATUSES: tuple[Status, ...] = ("inbox", "unread", "unseen", "archived", "all")
SHOWN: dict[Status, list[int]] = {status: [s for s in SHAPES if _shows(status, s)] for status in STATUSES}
"""The shapes of the items that each filter shows."""

UNREAD = SHOWN["unread"]
"""The shapes that a later notification may take over."""
