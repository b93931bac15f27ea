"""What time takes away: old log entries, tombstones, idempotency keys."""

import sqlite3

from inbox.times import now_ms

STREAMS_MAX = 500
"""Streams looked at in one round."""
ENTRIES_MAX = 1_000
"""Entries of one stream, and tombstones and keys, that one round drops."""
KEY_KEEP_S = 86_400
TOMBSTONE_KEEP_S = 86_400


def trim(db: sqlite3.Connection, keep_entries: int, keep_s: float) -> int:
    """One bounded round; how many log entries were dropped."""
    now = now_ms()
    cutoff = now - int(keep_s * 1000)
    due = db.execute(
        "SELECT id, seq FROM stream WHERE trim_at <= ? ORDER BY trim_at LIMIT ?", (cutoff, STREAMS_MAX)
    ).fetchall()
    dropped = sum(_trim_stream(db, id, seq - max(1, keep_entries), cutoff, now) for id, seq in due)
    _collect(db, now, max(2 * keep_s, TOMBSTONE_KEEP_S))
    return dropped


_OLD = """
SELECT coalesce(min(seq) FILTER (WHERE at > :cutoff) - 1, max(seq))
FROM (SELECT seq, at FROM entry WHERE stream = :id AND seq <= :last ORDER BY seq LIMIT :most)
"""


def _trim_stream(db: sqlite3.Connection, id: int, last: int, cutoff: int, now: int) -> int:
    """Drop the old ones among the entries up to ``last``, and say when to look again."""
    values = {"id": id, "last": last, "cutoff": cutoff, "most": ENTRIES_MAX}
    (old,) = db.execute(_OLD, values).fetchone()
    dropped = 0
    if old is not None:
        dropped = db.execute("DELETE FROM entry WHERE stream = ? AND seq <= ?", (id, old)).rowcount
    rest = db.execute("SELECT seq, at FROM entry WHERE stream = ? ORDER BY seq LIMIT 1", (id,)).fetchone()
    look_at = rest[1] if rest[0] <= last else now
    db.execute("UPDATE stream SET trim_at = ? WHERE id = ?", (look_at, id))
    return dropped


def _collect(db: sqlite3.Connection, now: int, tombstone_keep_s: float) -> None:
    db.execute(
        "DELETE FROM item WHERE (stream, seq) IN"
        " (SELECT stream, seq FROM item WHERE removed_at < ? ORDER BY removed_at LIMIT ?)",
        (now - int(tombstone_keep_s * 1000), ENTRIES_MAX),
    )
    db.execute(
        "DELETE FROM idempotency_key WHERE (tenant, key) IN"
        " (SELECT tenant, key FROM idempotency_key WHERE at < ? ORDER BY at LIMIT ?)",
        (now - KEY_KEEP_S * 1000, ENTRIES_MAX),
    )
