"""Keys, clients, revocations and running processes."""

import secrets
import sqlite3

import msgspec

from inbox.ids import new_token
from inbox.registered import Client, Process, Revocation, StoredKey
from inbox.store.registry import REVOCATION_KEEP_S, REVOCATIONS_MAX
from inbox.times import now_ms

SECRET_BYTES = 32
ALIVE_S = 60


def secret(db: sqlite3.Connection, name: str) -> bytes:
    db.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, secrets.token_bytes(SECRET_BYTES)))
    (value,) = db.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
    return bytes(value)


_KEYS = (
    "SELECT id, value, created_at FROM signing_key WHERE name = ? ORDER BY replaced_at IS NULL DESC, replaced_at DESC"
)


def keys(db: sqlite3.Connection, name: str) -> tuple[StoredKey, ...]:
    """The keys of this name, the newest first; one is made if there is none."""
    found = tuple(StoredKey(*row) for row in db.execute(_KEYS, (name,)))
    return found or (_add_key(db, name, now_ms()),)


def rotate(db: sqlite3.Connection, name: str, keep_s: float) -> StoredKey:
    """Replace the newest key, and forget those replaced longer than ``keep_s`` ago."""
    now = now_ms()
    db.execute("DELETE FROM signing_key WHERE name = ? AND replaced_at < ?", (name, now - int(keep_s * 1000)))
    # Two rotations within a millisecond: the order has to stay.
    (last,) = db.execute("SELECT coalesce(max(replaced_at), 0) FROM signing_key WHERE name = ?", (name,)).fetchone()
    replaced_at = max(now, last + 1)
    db.execute("UPDATE signing_key SET replaced_at = ? WHERE name = ? AND replaced_at IS NULL", (replaced_at, name))
    return _add_key(db, name, now)


def _add_key(db: sqlite3.Connection, name: str, now: int) -> StoredKey:
    made = StoredKey(new_token(), secrets.token_bytes(SECRET_BYTES), now)
    db.execute("INSERT INTO signing_key VALUES (?, ?, ?, ?, NULL)", (name, made.id, made.value, now))
    return made


def put_client(db: sqlite3.Connection, made: Client, was: Client | None) -> bool:
    if was is not None and client(db, made.id) not in (was, made):
        return False
    row = (made.id, made.tenant, msgspec.json.encode(made), made.created_at)
    db.execute("INSERT OR REPLACE INTO client VALUES (?, ?, ?, ?)", row)
    return True


def client(db: sqlite3.Connection, id: str) -> Client | None:
    row = db.execute("SELECT record FROM client WHERE id = ?", (id,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Client)


def clients(db: sqlite3.Connection, tenant: str) -> list[Client]:
    rows = db.execute("SELECT record FROM client WHERE tenant = ? ORDER BY created_at", (tenant,))
    return [msgspec.json.decode(record, type=Client) for (record,) in rows]


def revoke(db: sqlite3.Connection, revocation: Revocation) -> None:
    who, at = (revocation.tenant, revocation.user, revocation.jti), revocation.at
    db.execute("DELETE FROM revocation WHERE tenant = ? AND user = ? AND jti IS ? AND at <= ?", (*who, at))
    db.execute("INSERT INTO revocation (tenant, user, jti, at) VALUES (?, ?, ?, ?)", (*who, at))


def revocations(db: sqlite3.Connection, after: int) -> list[Revocation]:
    rows = db.execute(
        "SELECT tenant, user, at, jti, number FROM revocation WHERE number > ? ORDER BY number LIMIT ?",
        (after, REVOCATIONS_MAX),
    ).fetchall()
    return [Revocation(*row) for row in rows]


def forget_revocations(db: sqlite3.Connection, now: int) -> None:
    db.execute("DELETE FROM revocation WHERE at <= ?", (now - REVOCATION_KEEP_S * 1000,))


def beat(db: sqlite3.Connection, process: Process) -> None:
    """Refresh the row of ``process``, and forget those that stopped beating."""
    now = now_ms()
    row = (process.id, process.role, process.host, process.started_at, now, process.pid)
    db.execute("INSERT OR REPLACE INTO process VALUES (?, ?, ?, ?, ?, ?)", row)
    db.execute("DELETE FROM process WHERE beat_at <= ?", (now - ALIVE_S * 1000,))


def leave(db: sqlite3.Connection, process_id: str) -> None:
    db.execute("DELETE FROM process WHERE id = ?", (process_id,))


def processes(db: sqlite3.Connection) -> list[Process]:
    rows = db.execute("SELECT * FROM process WHERE beat_at > ? ORDER BY started_at", (now_ms() - ALIVE_S * 1000,))
    return [Process(*row) for row in rows]
