"""Keys, clients and running processes."""

import secrets
import sqlite3

import msgspec

from inbox.model import Client, Process
from inbox.times import now_ms

SECRET_BYTES = 32
ALIVE_S = 60


def secret(db: sqlite3.Connection, name: str) -> bytes:
    db.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, secrets.token_bytes(SECRET_BYTES)))
    (value,) = db.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
    return bytes(value)


def put_client(db: sqlite3.Connection, client: Client) -> None:
    row = (client.id, client.tenant, msgspec.json.encode(client), client.created_at)
    db.execute("INSERT OR REPLACE INTO client VALUES (?, ?, ?, ?)", row)


def client(db: sqlite3.Connection, id: str) -> Client | None:
    row = db.execute("SELECT record FROM client WHERE id = ?", (id,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Client)


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
