"""What readers see: pages of items, pages of the log. Each read is one snapshot."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from inbox.errors import StreamReset
from inbox.ids import item_id
from inbox.model import Changes, Counts, Cursor, Entry, Item, Notification, Page, Progress, Status
from inbox.store.sqlite import notifications
from inbox.store.sqlite.notifications import columns, content_of
from inbox.store.sqlite.schema import KINDS
from inbox.store.sqlite.streams import find, snapshot
from inbox.stream import is_reset
from inbox.times import monotonic_s

# The item's id comes from the notification it was made from, which is another one where it was taken over. Where the
# item stands in the entry's own row, the states there are those of today: it was put there with none of them.
_LOG = f"""
SELECT e.seq, e.kind, e.at, e.unread, e.unseen, e.ids, e.upto, e.reason, coalesce(o.public_id, n.public_id),
    iif(e.item IS NULL, e.seen_at, NULL), iif(e.item IS NULL, e.read_at, NULL),
    iif(e.item IS NULL, e.archived_at, NULL), coalesce(e.collapsed, 0), e.actors, {columns("coalesce(e.version, 1)")}
FROM entry e LEFT JOIN notification n ON n.id = e.notification LEFT JOIN notification o ON o.id = e.origin
    {content_of("e.version")}
WHERE e.stream = ? AND e.seq > ? ORDER BY e.seq LIMIT ?
"""
_STATES = 5
"""Columns of an item between its id and its notification."""


def changes(db: sqlite3.Connection, generation: str, stream: str, since: int, epoch: str, limit: int) -> Changes:
    """The entries after ``since``, at most ``limit``.

    :raises StreamReset: another epoch, a cursor beyond the head, or the log no longer reaches back.
    """
    with snapshot(db):
        return _changes(db, generation, stream, Cursor(epoch, since), limit)


def _changes(db: sqlite3.Connection, generation: str, stream: str, cursor: Cursor, limit: int) -> Changes:
    id, floor, head = find(db, generation, stream)
    if is_reset(cursor, head):
        reach, given = f"epoch {head.epoch} at 0 to {head.seq}", f"{cursor.epoch} at {cursor.seq}"
        raise StreamReset(f"expected a cursor of {reach}, got {given}: fetch a snapshot")
    if cursor.seq < floor:
        raise StreamReset(f"expected a cursor at {floor} or later, got {cursor.seq}: the log was trimmed")
    if cursor.seq == head.seq:
        return Changes(head, (), more=False)
    entries = tuple(_entry(stream, row) for row in db.execute(_LOG, (id, cursor.seq, limit)))
    return Changes(head, entries, more=bool(entries) and entries[-1].seq < head.seq)


PORTION_S = 0.0002
"""Of the time of the event loop, then others get their turn."""


def catch_up(
    db: sqlite3.Connection, generation: str, wanted: Sequence[tuple[str, Cursor]], limit: int
) -> list[Changes | None]:
    """``changes`` of each stream after its cursor, as far as that goes in a short time; ``None``: ``StreamReset``."""
    found: list[Changes | None] = []
    until_s = monotonic_s() + PORTION_S
    with snapshot(db):
        for stream, cursor in wanted:
            if found and monotonic_s() > until_s:
                break
            try:
                found.append(_changes(db, generation, stream, cursor, limit))
            except StreamReset:
                found.append(None)
    return found


def _entry(stream: str, row: tuple[Any, ...]) -> Entry:
    seq, kind, at, unread, unseen, ids, upto, reason, origin, *shown = row
    item = None if origin is None else _item(stream, seq, origin, shown)
    named = None if ids is None else tuple(json.loads(ids))
    return Entry(seq, KINDS[kind], at, Counts(unread, unseen), item, named, upto, reason)


def _item(stream: str, seq: int, origin: str, shown: Sequence[Any]) -> Item:
    return Item(item_id(stream, origin), seq, Notification(*shown[_STATES:]), *shown[:_STATES])


NEAR = 500
"""Entries looked at on the event loop. A page that takes more, because few match, is read in a thread."""

_STATUS: dict[Status, str] = {
    "inbox": "AND i.archived_at IS NULL",
    "unread": "AND i.archived_at IS NULL AND i.read_at IS NULL",
    "unseen": "AND i.archived_at IS NULL AND i.seen_at IS NULL",
    "archived": "AND i.archived_at IS NOT NULL",
    "all": "",
}
_PAGE = f"""
SELECT i.seq, coalesce(i.item_seq, i.seq), coalesce(o.public_id, n.public_id), i.seen_at, i.read_at, i.archived_at,
    coalesce(i.collapsed, 0), i.actors, {columns("coalesce(i.item_version, i.version, 1)")}
FROM entry i CROSS JOIN notification n ON n.id = i.notification LEFT JOIN notification o ON o.id = i.origin
    {content_of("coalesce(i.item_version, i.version)")}
WHERE i.stream = :id AND i.seq < :before AND i.seq >= :begin AND i.item IS NOT NULL AND i.removed_at IS NULL %s %s
ORDER BY i.seq DESC LIMIT :limit
"""


class PageQuery(Struct, frozen=True):
    """Which items: see ``Store.page``."""

    stream: str
    limit: int
    before: int | None
    status: Status
    category: str | None


class TooFar(Exception):
    """The page is not among the entries that were to be looked at."""


def page(db: sqlite3.Connection, generation: str, query: PageQuery, near: int | None = None) -> Page:
    """One page of items, newest on top.

    :param near: how many numbers below ``query.before`` may be looked at, all of them if not given.
    :raises TooFar: those do not fill the page, and there are more.
    """
    statement = _PAGE % (_STATUS[query.status], "" if query.category is None else "AND n.category = :category")
    with snapshot(db):
        id, _, head = find(db, generation, query.stream)
        before = head.seq + 1 if query.before is None else max(0, min(query.before, head.seq + 1))
        begin = 0 if near is None else max(0, before - near)
        values = {"id": id, "before": before, "begin": begin, "limit": query.limit + 1, "category": query.category}
        rows = db.execute(statement, values).fetchall()
    if len(rows) <= query.limit and begin > 0:
        raise TooFar
    shown = rows[: query.limit]
    items = tuple(_item(query.stream, seq, origin, rest) for _, seq, origin, *rest in shown)
    return Page(head, items, next=shown[-1][0] if len(rows) > query.limit else None)


def progress(db: sqlite3.Connection, tenant: str, notification: str) -> Progress | None:
    job = notifications.find(db, tenant, notification)
    return None if job is None else job.progress
