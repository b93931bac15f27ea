"""What readers see: pages of items, pages of the log. Each read is one snapshot."""

import json
import sqlite3
from typing import Any

from msgspec import Struct

from inbox.errors import StreamReset
from inbox.ids import item_id
from inbox.model import Changes, Counts, Cursor, Entry, Item, Notification, Page, Progress, Status
from inbox.store.sqlite.schema import KINDS
from inbox.store.sqlite.streams import find, snapshot
from inbox.stream import is_reset

_NOTIFICATION = "n.public_id, n.tenant, n.category, n.content, n.created_at"

_LOG = f"""
SELECT e.seq, e.kind, e.at, e.unread, e.unseen, e.ids, e.upto, {_NOTIFICATION}
FROM entry e LEFT JOIN notification n ON n.id = e.notification
WHERE e.stream = ? AND e.seq > ? ORDER BY e.seq LIMIT ?
"""


def changes(db: sqlite3.Connection, generation: str, stream: str, since: int, epoch: str, limit: int) -> Changes:
    """The entries after ``since``, at most ``limit``.

    :raises StreamReset: another epoch, a cursor beyond the head, or the log no longer reaches back.
    """
    with snapshot(db):
        id, floor, head = find(db, generation, stream)
        if is_reset(Cursor(epoch, since), head):
            raise StreamReset(
                f"expected a cursor of epoch {head.epoch} at 0 to {head.seq}, got {epoch} at {since}: fetch a snapshot"
            )
        if since < floor:
            raise StreamReset(f"expected a cursor at {floor} or later, got {since}: the log was trimmed")
        entries = tuple(_entry(stream, row) for row in db.execute(_LOG, (id, since, limit)))
    return Changes(head, entries, more=bool(entries) and entries[-1].seq < head.seq)


def _entry(stream: str, row: tuple[Any, ...]) -> Entry:
    seq, kind, at, unread, unseen, ids, upto, *notification = row
    counts = Counts(unread, unseen)
    if KINDS[kind] == "created":
        made = Notification(*notification)
        return Entry(seq, "created", at, counts, Item(item_id(stream, made.id), seq, made))
    return Entry(
        seq,
        KINDS[kind],
        at,
        counts,
        ids=None if ids is None else tuple(json.loads(ids)),
        upto=upto,
        reason="user" if KINDS[kind] == "removed" else None,
    )


NEAR = 500
"""Entries looked at on the event loop. A page that takes more, because few match, is read in a thread."""

_STATUS: dict[Status, str] = {
    "inbox": "AND i.archived_at IS NULL",
    "unread": "AND i.archived_at IS NULL AND i.read_at IS NULL",
    "unseen": "AND i.archived_at IS NULL AND i.seen_at IS NULL",
    "archived": "AND i.archived_at IS NOT NULL",
    "all": "",
}
# Entries that are not items fall out of the join.
_PAGE = f"""
SELECT i.seq, i.seen_at, i.read_at, i.archived_at, {_NOTIFICATION}
FROM entry i CROSS JOIN notification n ON n.id = i.notification
WHERE i.stream = :id AND i.seq < :before AND i.seq >= :begin AND i.removed_at IS NULL %s %s
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
    items = tuple(_item(query.stream, row) for row in rows[: query.limit])
    return Page(head, items, next=items[-1].seq if len(rows) > query.limit else None)


def _item(stream: str, row: tuple[Any, ...]) -> Item:
    seq, seen_at, read_at, archived_at, *notification = row
    made = Notification(*notification)
    return Item(item_id(stream, made.id), seq, made, seen_at, read_at, archived_at)


def progress(db: sqlite3.Connection, tenant: str, notification: str) -> Progress | None:
    """A publish is one transaction, so whatever exists is done."""
    row = db.execute(
        f"SELECT total, {_NOTIFICATION} FROM notification n WHERE public_id = ? AND tenant = ?", (notification, tenant)
    ).fetchone()
    if row is None:
        return None
    total, *columns = row
    return Progress(Notification(*columns), "done", total, total)
