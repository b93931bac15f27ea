"""The profiles of users."""

import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from inbox.model import Listing, User
from inbox.times import now_ms

_DECODER = msgspec.msgpack.Decoder(User)
_PUT = """
INSERT INTO user (tenant, id, record, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, id) DO UPDATE SET record = excluded.record, updated_at = excluded.updated_at
"""
_USER = "SELECT record, created_at, updated_at FROM user"


def put_users(db: sqlite3.Connection, tenant: str, users: Sequence[User]) -> None:
    now = now_ms()
    db.executemany(_PUT, [(tenant, user.id, msgspec.msgpack.encode(user), now, now) for user in users])


def user(db: sqlite3.Connection, tenant: str, user: str) -> User | None:
    row = db.execute(f"{_USER} WHERE tenant = ? AND id = ?", (tenant, user)).fetchone()
    return None if row is None else _user(row)


def users(db: sqlite3.Connection, tenant: str, after: str | None, limit: int) -> Listing[User]:
    rows = db.execute(
        f"{_USER} WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?", (tenant, after or "", limit + 1)
    ).fetchall()
    found = tuple(_user(row) for row in rows[:limit])
    return Listing(found, found[-1].id if len(rows) > limit else None)


def _user(row: tuple[bytes, int, int]) -> User:
    record, created_at, updated_at = row
    return replace(_DECODER.decode(record), created_at=created_at, updated_at=updated_at)
