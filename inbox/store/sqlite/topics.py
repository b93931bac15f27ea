"""Topics and who is in them. A member is a pair of integers, so a fan-out reads its streams off an index."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from inbox.errors import Invalid
from inbox.ids import stream_key
from inbox.model import Listing, Membership, Topic
from inbox.store.sqlite.streams import key_array, make
from inbox.times import now_ms

_TOPIC = "SELECT name, description, created_at, size FROM topic"


def put_topic(db: sqlite3.Connection, tenant: str, topic: str, description: str | None) -> Topic:
    db.execute(
        "INSERT INTO topic (tenant, name, description, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description",
        (tenant, topic, description, now_ms()),
    )
    return _topic(db.execute(f"{_TOPIC} WHERE tenant = ? AND name = ?", (tenant, topic)).fetchone())


def topic(db: sqlite3.Connection, tenant: str, topic: str) -> Topic | None:
    row = db.execute(f"{_TOPIC} WHERE tenant = ? AND name = ?", (tenant, topic)).fetchone()
    return None if row is None else _topic(row)


def topics(db: sqlite3.Connection, tenant: str, after: str | None, limit: int) -> Listing[Topic]:
    rows = db.execute(
        f"{_TOPIC} WHERE tenant = ? AND name > ? ORDER BY name LIMIT ?", (tenant, after or "", limit + 1)
    ).fetchall()
    found = tuple(_topic(row) for row in rows[:limit])
    return Listing(found, found[-1].id if len(rows) > limit else None)


def _topic(row: tuple[Any, ...]) -> Topic:
    return Topic(*row)


def find_topic(db: sqlite3.Connection, tenant: str, topic: str) -> tuple[int, int] | None:
    """The integer that stands for a topic, and its size."""
    row = db.execute("SELECT id, size FROM topic WHERE tenant = ? AND name = ?", (tenant, topic)).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def drop_topic(db: sqlite3.Connection, tenant: str, topic: str) -> bool:
    """The members go later, see ``collect_members``: nobody finds them without the topic."""
    found = find_topic(db, tenant, topic)
    if found is None:
        return False
    db.execute("DELETE FROM topic WHERE id = ?", (found[0],))
    db.execute("INSERT INTO dropped_topic VALUES (?)", (found[0],))
    return True


def collect_members(db: sqlite3.Connection, limit: int) -> None:
    """Delete some of the members of dropped topics."""
    row = db.execute("SELECT id FROM dropped_topic LIMIT 1").fetchone()
    if row is None:
        return
    some = "SELECT stream FROM member WHERE topic = :id LIMIT :limit"
    values = {"id": row[0], "limit": limit}
    if db.execute(f"DELETE FROM member WHERE topic = :id AND stream IN ({some})", values).rowcount < limit:
        db.execute("DELETE FROM dropped_topic WHERE id = :id", values)


_ADD = "INSERT OR IGNORE INTO member SELECT ?, id FROM stream WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id"
_REMOVE = """
DELETE FROM member WHERE topic = ?
AND stream IN (SELECT id FROM stream WHERE key IN (SELECT value FROM json_each(?)))
"""


def change_members(
    db: sqlite3.Connection, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]
) -> Membership | None:
    found = find_topic(db, tenant, topic)
    if found is None:
        return None
    id, _ = found
    keys = key_array([stream_key(tenant, user) for user in add])
    make(db, keys, now_ms())
    added = db.execute(_ADD, (id, keys)).rowcount
    removed = db.execute(_REMOVE, (id, key_array([stream_key(tenant, user) for user in remove]))).rowcount
    db.execute("UPDATE topic SET size = size + ? WHERE id = ?", (added - removed, id))
    return Membership(added, removed)


_MEMBERS = """
SELECT m.stream, s.key FROM member m JOIN stream s ON s.id = m.stream
WHERE m.topic = ? AND m.stream > ? ORDER BY m.stream LIMIT ?
"""


def members(db: sqlite3.Connection, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str] | None:
    found = find_topic(db, tenant, topic)
    if found is None:
        return None
    rows = db.execute(_MEMBERS, (found[0], _number(after), limit + 1)).fetchall()
    return _listing(rows, limit, tuple(key.partition("/")[2] for _, key in rows[:limit]))


_TOPICS_OF = """
SELECT t.id, t.name FROM stream s JOIN member m ON m.stream = s.id JOIN topic t ON t.id = m.topic
WHERE s.key = ? AND m.topic > ? ORDER BY m.topic LIMIT ?
"""


def topics_of(db: sqlite3.Connection, stream: str, after: str | None, limit: int) -> Listing[str]:
    rows = db.execute(_TOPICS_OF, (stream, _number(after), limit + 1)).fetchall()
    return _listing(rows, limit, tuple(name for _, name in rows[:limit]))


def _listing(rows: list[tuple[int, str]], limit: int, found: tuple[str, ...]) -> Listing[str]:
    return Listing(found, str(rows[limit - 1][0]) if len(rows) > limit else None)


def _number(after: str | None) -> int:
    """The integer that ``after`` stands for.

    :raises Invalid: no list gave it.
    """
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) <= 18):
        raise Invalid.field("after", "expected the `next` of a page, unchanged")
    return int(after)
