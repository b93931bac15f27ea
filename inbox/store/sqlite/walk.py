"""The walk over the items that show a notification now: they are removed, or updated to its newest version."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from msgspec.structs import replace

from inbox.ids import item_id
from inbox.model import Counts, Entry, Item
from inbox.store.sqlite.announce import News, Written
from inbox.store.sqlite.notifications import Job
from inbox.store.sqlite.schema import GRAVE, KINDS
from inbox.stream import ItemState, weight


class Showing(NamedTuple):
    """An item that shows the notification, and where its stream stands."""

    id: int
    pos: int
    item: int
    origin: str
    version: int
    collapsed: int
    actors: str | None
    seen_at: int | None
    read_at: int | None
    archived_at: int | None
    stream: str
    incarnation: int
    seq: int
    unread: int
    unseen: int


# An item shows the notification it was made from, or one that took it over: two indexes, both in the order of streams.
_SHOWING = """
SELECT json_group_array(json_array(i.stream, i.seq, i.item, o.public_id, coalesce(i.item_version, i.version, 1),
    coalesce(i.collapsed, 0), CAST(i.actors AS TEXT), i.seen_at, i.read_at, i.archived_at,
    s.key, s.incarnation, s.seq, s.unread, s.unseen))
FROM (
    SELECT stream, seq FROM entry WHERE item = :notification AND notification = :notification AND stream > :walked
        AND removed_at IS NULL
    UNION ALL
    SELECT stream, seq FROM entry WHERE notification = :notification AND origin IS NOT NULL AND stream > :walked
        AND item IS NOT NULL AND removed_at IS NULL
    ORDER BY stream LIMIT :limit
) AS at
CROSS JOIN entry i ON i.stream = at.stream AND i.seq = at.seq
CROSS JOIN notification o ON o.id = i.item
CROSS JOIN stream s ON s.id = i.stream
"""


def _next(db: sqlite3.Connection, job: Job, limit: int) -> list[Showing]:
    values = {"notification": job.id, "walked": job.walked, "limit": limit}
    (rows,) = db.execute(_SHOWING, values).fetchone()
    return [Showing(*row) for row in orjson.loads(rows)]


def remove(db: sqlite3.Connection, job: Job, at: int, limit: int) -> tuple[Job, bool, News]:
    """Remove the next ``limit`` items, by reason of the state; the job afterwards, and whether there may be more."""
    return _walk(db, job, at, limit, _removed, (_INSERT_REMOVED, _REMOVE, _STAND))


def update(db: sqlite3.Connection, job: Job, at: int, limit: int) -> tuple[Job, bool, News]:
    """Bring the next ``limit`` items to the newest version; the job afterwards, and whether there may be more."""
    job, more, news = _walk(db, job, at, limit, _updated, (_INSERT_UPDATED, _UPDATE, _STAND))
    return job if more else replace(job, shown=job.notification.version, walked=0), more, news


Change = tuple[Entry, list[Any]]
"""An entry, and what the statements below need to know beyond where the item and its stream stand."""


def _walk(
    db: sqlite3.Connection,
    job: Job,
    at: int,
    limit: int,
    change: Callable[[Job, Showing, int], Change | None],
    statements: tuple[str, ...],
) -> tuple[Job, bool, News]:
    found = _next(db, job, limit)
    rows: list[list[Any]] = []
    news: list[Written] = []
    for one in found:
        # Nobody reads an erased stream any more.
        if not one.stream.startswith(GRAVE) and (changed := change(job, one, at)) is not None:
            entry, rest = changed
            rows.append([one.id, one.pos, entry.seq, entry.counts.unread, entry.counts.unseen, *rest])
            news.append(Written(one.stream, one.incarnation, entry))
    values = {"rows": json.dumps(rows), "at": at, "notification": job.id, "version": job.notification.version}
    values |= {"removed": KINDS.index("removed"), "updated": KINDS.index("updated"), "reason": job.state}
    for statement in statements:
        db.execute(statement, values)
    more = len(found) == limit
    return (replace(job, walked=found[-1].id) if found else job), more, news


def _removed(job: Job, one: Showing, at: int) -> Change:
    id = item_id(one.stream, one.origin)
    gone = weight(ItemState(id, one.seen_at, one.read_at, one.archived_at))
    counts = Counts(one.unread - gone.unread, one.unseen - gone.unseen)
    return Entry(one.seq + 1, "removed", at, counts, ids=(id,), reason=job.state), [json.dumps([id])]


def _updated(job: Job, one: Showing, at: int) -> Change | None:
    if one.version >= job.notification.version:
        return None
    item = Item(
        item_id(one.stream, one.origin),
        one.seq + 1,
        job.notification,
        one.seen_at,
        one.read_at,
        one.archived_at,
        one.collapsed,
        None if one.actors is None else one.actors.encode(),
    )
    origin = None if one.item == job.id else one.item
    entry = Entry(one.seq + 1, "updated", at, Counts(one.unread, one.unseen), item)
    return entry, [origin, one.collapsed, one.actors, one.seen_at, one.read_at, one.archived_at]


_INSERT_REMOVED = """
INSERT INTO entry (stream, seq, kind, at, unread, unseen, ids, reason)
SELECT value ->> 0, value ->> 2, :removed, :at, value ->> 3, value ->> 4, value ->> 5, :reason FROM json_each(:rows)
"""
_REMOVE = """
UPDATE entry SET removed_at = :at FROM json_each(:rows) AS given
WHERE entry.stream = given.value ->> 0 AND entry.seq = given.value ->> 1
"""
_INSERT_UPDATED = """
INSERT INTO entry (stream, seq, kind, at, unread, unseen, notification, version, origin, collapsed, actors, seen_at,
    read_at, archived_at)
SELECT value ->> 0, value ->> 2, :updated, :at, value ->> 3, value ->> 4, :notification, :version, value ->> 5,
    value ->> 6, CAST(value ->> 7 AS BLOB), value ->> 8, value ->> 9, value ->> 10 FROM json_each(:rows)
"""
_UPDATE = """
UPDATE entry SET item_seq = given.value ->> 2, item_version = :version FROM json_each(:rows) AS given
WHERE entry.stream = given.value ->> 0 AND entry.seq = given.value ->> 1
"""
_STAND = """
UPDATE stream SET seq = given.value ->> 2, unread = given.value ->> 3, unseen = given.value ->> 4
FROM json_each(:rows) AS given WHERE stream.id = given.value ->> 0
"""
