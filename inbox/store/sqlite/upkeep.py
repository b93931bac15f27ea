"""What time takes away: old log entries, tombstones, idempotency keys, revocations."""

import sqlite3

from inbox.store.sqlite.registry import forget_revocations
from inbox.store.sqlite.schema import STATES
from inbox.store.sqlite.topics import collect_members
from inbox.times import now_ms

STREAMS_MAX = 500
"""Streams looked at in one round."""
ENTRIES_MAX = 5_000
"""Entries, and keys, that one round drops: the only writer is busy for some 10 ms."""
KEY_KEEP_S = 86_400
KEY_LOOK_S = 3_600
"""A key that is still needed by then is looked at again after so long."""
TOMBSTONE_KEEP_S = 86_400


def trim(db: sqlite3.Connection, keep_entries: int, keep_s: float) -> int:
    """One bounded round; how many log entries were dropped."""
    now = now_ms()
    cutoff = now - int(keep_s * 1000)
    buried = now - int(max(2 * keep_s, TOMBSTONE_KEEP_S) * 1000)
    due = "SELECT id, floor, seq FROM stream WHERE trim_at <= ? ORDER BY trim_at LIMIT ?"
    dropped = 0
    for id, floor, seq in db.execute(due, (cutoff, STREAMS_MAX)).fetchall():
        end = seq - max(1, keep_entries)
        raised = _raise_floor(db, id, floor, min(end, floor + ENTRIES_MAX - dropped), cutoff)
        _collect_tombstones(db, id, raised, buried)
        _look_again(db, id, raised, end, now)
        dropped += raised - floor
    _forget_keys(db, now)
    forget_revocations(db, now)
    collect_members(db, ENTRIES_MAX)
    return dropped


def _raise_floor(db: sqlite3.Connection, id: int, floor: int, last: int, cutoff: int) -> int:
    """Drop the prefix of old entries, up to ``last``; the new floor. Items stay."""
    if last <= floor:
        return floor
    young = db.execute(
        "SELECT seq FROM entry WHERE stream = ? AND seq > ? AND seq <= ? AND at > ? ORDER BY seq LIMIT 1",
        (id, floor, last, cutoff),
    ).fetchone()
    raised = last if young is None else int(young[0]) - 1
    db.execute("DELETE FROM entry WHERE stream = ? AND seq > ? AND seq <= ? AND item IS NULL", (id, floor, raised))
    return raised


def _collect_tombstones(db: sqlite3.Connection, id: int, floor: int, buried: int) -> None:
    db.execute("DELETE FROM entry WHERE stream = ? AND removed_at <= ? AND seq <= ?", (id, buried, floor))


def _look_again(db: sqlite3.Connection, id: int, floor: int, end: int, now: int) -> None:
    """Note how old what may be dropped next is: the oldest entry if it is not among the newest, else none yet."""
    at = now
    if floor < end:
        (at,) = db.execute("SELECT at FROM entry WHERE stream = ? AND seq = ?", (id, floor + 1)).fetchone()
    db.execute("UPDATE stream SET floor = ?, trim_at = ? WHERE id = ?", (floor, at, id))


_OLDEST_KEYS = "(tenant, key) IN (SELECT tenant, key FROM idempotency_key WHERE at <= :cutoff ORDER BY at LIMIT :limit)"
_ON_ITS_WAY = "EXISTS (SELECT 1 FROM notification n WHERE n.id = idempotency_key.notification AND n.state <= :running)"


def _forget_keys(db: sqlite3.Connection, now: int) -> None:
    """While a notification is on its way, so is its key: it steps aside, or the oldest would be such keys for ever."""
    cutoff = now - KEY_KEEP_S * 1000
    values = {"cutoff": cutoff, "limit": ENTRIES_MAX, "running": STATES.index("running")}
    db.execute(f"DELETE FROM idempotency_key WHERE {_OLDEST_KEYS} AND NOT {_ON_ITS_WAY}", values)
    values["later"] = cutoff + KEY_LOOK_S * 1000
    db.execute(f"UPDATE idempotency_key SET at = :later WHERE {_OLDEST_KEYS} AND {_ON_ITS_WAY}", values)
