"""A mark: which items really change, and one entry for them, in one transaction.

Every decision is ``inbox.stream``'s. Up to ``MARK_IDS_MAX`` items go through it one by one. More of them go by *shape*,
which is all that a mark looks at: which of the three times are set. One item decides for its shape, SQL changes the
rest, and 10,000 items hold up the only writer for 5 ms to look at and 11 ms to change. That is little for one mark and
much for a hundred, so of such marks each user has one at a time (see ``SqliteStore.mark``).
"""

import json
import sqlite3
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict

from inbox.ids import item_id, notification_of
from inbox.model import MARK_KINDS, Counts, Entry, Head, Mark, Marked, MarkOp
from inbox.store.sqlite.schema import KINDS
from inbox.store.sqlite.streams import find, key_array
from inbox.stream import MARK_IDS_MAX, ItemState, clamp_upto, mark_all, marked, weight
from inbox.times import now_ms


class Outcome(Struct, frozen=True):
    """What a mark did, and the entry it wrote, if any."""

    marked: Marked
    entry: Entry | None = None


def mark(db: sqlite3.Connection, generation: str, stream: str, wish: Mark) -> Outcome:
    """Change the items that ``wish`` really changes, and append one entry that says so.

    :raises StreamReset: ``wish.epoch`` names another incarnation.
    """
    id, _, head = find(db, generation, stream)
    upto = clamp_upto(wish.upto or 0, wish.epoch, head)
    if id is None:
        return Outcome(Marked(head, missing=wish.ids or ()))
    at = now_ms()
    if wish.ids is not None:
        items, missing = _named(db, id, stream, wish.ids)
        return _mark_items(db, id, head, wish.op, items, at, missing)
    shapes = _changing_shapes(db, id, upto, wish.op)
    if sum(shapes.values()) <= MARK_IDS_MAX:
        return _mark_items(db, id, head, wish.op, _of_shapes(db, id, stream, upto, shapes), at)
    counts = _mark_shapes(db, id, upto, wish.op, shapes, head.counts, at)
    entry = _entry(wish.op, head, at, counts, upto=upto)
    return Outcome(Marked(_append(db, id, head, entry), changed=None, upto=upto), entry)


def _mark_items(
    db: sqlite3.Connection,
    id: int,
    head: Head,
    op: MarkOp,
    items: dict[int, ItemState],
    at: int,
    missing: tuple[str, ...] = (),
) -> Outcome:
    """``items`` by their seq."""
    changed, counts = mark_all(op, items.values(), head.counts, at)
    if not changed:
        return Outcome(Marked(head, missing=missing))
    seqs = {state.id: seq for seq, state in items.items()}
    db.executemany(
        "UPDATE entry SET seen_at = ?, read_at = ?, archived_at = ?, removed_at = ? WHERE stream = ? AND seq = ?",
        [(s.seen_at, s.read_at, s.archived_at, s.removed_at, id, seqs[s.id]) for s in changed],
    )
    ids = tuple(state.id for state in changed)
    entry = _entry(op, head, at, counts, ids=ids)
    return Outcome(Marked(_append(db, id, head, entry), ids, missing), entry)


def _entry(
    op: MarkOp, head: Head, at: int, counts: Counts, *, ids: tuple[str, ...] | None = None, upto: int | None = None
) -> Entry:
    reason = "user" if op == "remove" else None
    return Entry(head.seq + 1, MARK_KINDS[op], at, counts, ids=ids, upto=upto, reason=reason)


def _append(db: sqlite3.Connection, id: int, head: Head, entry: Entry) -> Head:
    """Write the entry; the head it makes."""
    counts = entry.counts
    ids = None if entry.ids is None else json.dumps(entry.ids)
    db.execute(
        "INSERT INTO entry (stream, seq, kind, at, unread, unseen, ids, upto, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (id, entry.seq, KINDS.index(entry.kind), entry.at, counts.unread, counts.unseen, ids, entry.upto, entry.reason),
    )
    db.execute(
        "UPDATE stream SET seq = ?, unread = ?, unseen = ? WHERE id = ?", (entry.seq, counts.unread, counts.unseen, id)
    )
    return Head(head.epoch, entry.seq, counts)


_STATE = "i.seq, n.public_id, i.seen_at, i.read_at, i.archived_at"
_NAMED = f"""
SELECT {_STATE} FROM json_each(?) AS given
CROSS JOIN notification n ON n.public_id = given.value
CROSS JOIN entry i ON i.item = n.id AND i.stream = ? AND i.removed_at IS NULL
"""


def _named(
    db: sqlite3.Connection, id: int, stream: str, ids: Sequence[str]
) -> tuple[dict[int, ItemState], tuple[str, ...]]:
    """The items of these ids by their seq, and the ids that are not in this inbox."""
    wanted = list(dict.fromkeys(ids))
    notifications = [found for item in wanted if (found := notification_of(stream, item)) is not None]
    items = _states(stream, db.execute(_NAMED, (key_array(notifications), id)))
    known = {state.id for state in items.values()}
    return items, tuple(item for item in wanted if item not in known)


def _states(stream: str, rows: sqlite3.Cursor) -> dict[int, ItemState]:
    return {
        seq: ItemState(item_id(stream, notification), seen_at, read_at, archived_at)
        for seq, notification, seen_at, read_at, archived_at in rows
    }


# By shape

_SHAPE = "((seen_at IS NOT NULL) + 2 * (read_at IS NOT NULL) + 4 * (archived_at IS NOT NULL))"
# The number that a mark goes by is that of the newest update.
_WITHIN = (
    "stream = :id AND seq <= :upto AND coalesce(item_seq, seq) <= :upto AND item IS NOT NULL AND removed_at IS NULL"
)


def _of_shape(shape: int) -> ItemState:
    """An item of this shape; the times themselves do not matter."""
    seen_at, read_at, archived_at = (0 if shape & bit else None for bit in (1, 2, 4))
    return ItemState("", seen_at, read_at, archived_at)


def _changing_shapes(db: sqlite3.Connection, id: int, upto: int, op: MarkOp) -> dict[int, int]:
    """How many items up to ``upto`` have each of the shapes that ``op`` changes."""
    values = {"id": id, "upto": upto}
    rows = db.execute(f"SELECT {_SHAPE}, count(*) FROM entry WHERE {_WITHIN} GROUP BY 1", values)
    return {shape: n for shape, n in rows if marked(op, state := _of_shape(shape), 0) is not state}


def _of_shapes(db: sqlite3.Connection, id: int, stream: str, upto: int, shapes: dict[int, int]) -> dict[int, ItemState]:
    """The items of these shapes by their seq."""
    rows = db.execute(
        f"SELECT {_STATE} FROM entry i JOIN notification n ON n.id = i.item"
        f" WHERE {_WITHIN} AND {_SHAPE} IN (SELECT value FROM json_each(:shapes)) ORDER BY i.seq",
        {"id": id, "upto": upto, "shapes": json.dumps(list(shapes))},
    )
    return _states(stream, rows)


def _mark_shapes(
    db: sqlite3.Connection, id: int, upto: int, op: MarkOp, shapes: dict[int, int], counts: Counts, at: int
) -> Counts:
    """Change all items of these shapes up to ``upto``; the stream's counts afterwards."""
    unread, unseen = counts.unread, counts.unseen
    for shape, n in shapes.items():
        before = _of_shape(shape)
        after = marked(op, before, at)
        old, new = weight(before), weight(after)
        unread += n * (new.unread - old.unread)
        unseen += n * (new.unseen - old.unseen)
        changes = {column: value for column, value in asdict(after).items() if value != getattr(before, column)}
        columns = ", ".join(f"{column} = :{column}" for column in changes)
        values = {**changes, "id": id, "upto": upto, "shape": shape}
        db.execute(f"UPDATE entry SET {columns} WHERE {_WITHIN} AND {_SHAPE} = :shape", values)
    return Counts(unread, unseen)
