"""Erasing a user: the stream goes on in a row of its own, and the old row is a grave without a name."""

import secrets
import sqlite3

from inbox.model import Counts, Entry
from inbox.store.sqlite.announce import News, Written
from inbox.store.sqlite.schema import GRAVE
from inbox.store.sqlite.streams import find
from inbox.times import now_ms

ROWS_MAX = 5_000
"""Rows of a grave that go in one transaction."""
NEVER = 1 << 62


def erase(db: sqlite3.Connection, generation: str, stream: str) -> News:
    """Nothing of the user can be found after this; ``bury`` deletes what is left of the inbox."""
    tenant, _, user = stream.partition("/")
    db.execute("DELETE FROM user WHERE tenant = ? AND id = ?", (tenant, user))
    id, _, head = find(db, generation, stream)
    if id is None:
        return ()
    _leave(db, id)
    if db.execute("SELECT 1 FROM entry WHERE stream = ? LIMIT 1", (id,)).fetchone() is None:
        return ()
    db.execute("UPDATE stream SET key = ?, trim_at = ? WHERE id = ?", (f"{GRAVE}{id}", NEVER, id))
    now, seq, incarnation = now_ms(), head.seq + 1, secrets.randbits(31) | 1
    db.execute(
        "INSERT INTO stream (key, incarnation, seq, unread, unseen, floor, trim_at) VALUES (?, ?, ?, 0, 0, ?, ?)",
        (stream, incarnation, seq, seq, now),
    )
    return (Written(stream, incarnation, Entry(seq, "erased", now, Counts())),)


def _leave(db: sqlite3.Connection, id: int) -> None:
    """Take a stream out of its topics, and out of what waits for its time."""
    db.execute("UPDATE topic SET size = size - 1 WHERE id IN (SELECT topic FROM member WHERE stream = ?)", (id,))
    db.execute("DELETE FROM member WHERE stream = ?", (id,))
    waits = "id IN (SELECT notification FROM recipient WHERE stream = ?)"
    db.execute(f"UPDATE notification SET total = total - 1 WHERE {waits} AND reached < ?", (id, id))
    db.execute("DELETE FROM recipient WHERE stream = ?", (id,))


_GRAVE = f"SELECT id FROM stream WHERE key GLOB '{GRAVE}*' LIMIT 1"


def is_buried(db: sqlite3.Connection) -> bool:
    """Whether nothing is left of any erased inbox."""
    return db.execute(_GRAVE).fetchone() is None


def bury(db: sqlite3.Connection) -> bool:
    """Delete some rows of a grave, and it with the last; whether none is left."""
    grave = db.execute(_GRAVE).fetchone()
    if grave is None:
        return True
    some = "SELECT seq FROM entry WHERE stream = :id ORDER BY seq LIMIT :limit"
    values = {"id": grave[0], "limit": ROWS_MAX}
    if db.execute(f"DELETE FROM entry WHERE stream = :id AND seq IN ({some})", values).rowcount < ROWS_MAX:
        db.execute("DELETE FROM stream WHERE id = :id", values)
    return is_buried(db)
