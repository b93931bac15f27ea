"""A publish: the notification, and for every recipient an entry, which is the item too, in one transaction.

Whole sets go through one statement each. Statement by statement, the writer would have to win the interpreter lock
back from the event loop thousands of times a batch.
"""

import sqlite3
from typing import Any

import orjson
from msgspec import Struct

from inbox.errors import IdempotencyConflict
from inbox.ids import item_id, stream_key
from inbox.model import Counts, Entry, Item, Notification, Receipt, Submission
from inbox.store.base import Outlet
from inbox.store.sqlite.schema import KINDS
from inbox.store.sqlite.streams import epoch_of, key_array
from inbox.times import now_ms


class Publication(Struct, frozen=True):
    """What a publish wrote: per recipient ``[stream key, incarnation, seq, unread, unseen]``, as one JSON array."""

    receipt: Receipt
    at: int = 0
    written: str = "[]"


def publish(db: sqlite3.Connection, submission: Submission) -> Publication:
    """Write the notification for all its recipients, unless its key has been taken.

    :raises IdempotencyConflict: the key stands for another body.
    """
    first = _first(db, submission)
    if first is not None:
        return Publication(first)
    at = now_ms()
    notification = _add_notification(db, submission, at)
    keys = key_array([stream_key(submission.notification.tenant, user) for user in submission.recipients])
    written = _fan_out(db, {"notification": notification, "keys": keys, "at": at, "kind": KINDS.index("created")})
    return Publication(Receipt(submission.notification.id, len(submission.recipients)), at, written)


def announce(outlet: Outlet, generation: str, notification: Notification, publication: Publication) -> None:
    """Hand the entries of ``publication`` to the outlet, building those that somebody wants."""
    for stream, incarnation, seq, unread, unseen in orjson.loads(publication.written):
        if outlet.wants(stream):
            item = Item(item_id(stream, notification.id), seq, notification)
            entry = Entry(seq, "created", publication.at, Counts(unread, unseen), item)
            outlet.emit(stream, epoch_of(generation, incarnation), entry)


_FIRST = """
SELECT public_id, total, body_hash FROM idempotency_key k JOIN notification n ON n.id = k.notification
WHERE k.tenant = ? AND k.key = ?
"""


def _first(db: sqlite3.Connection, submission: Submission) -> Receipt | None:
    """The receipt of the publish that took this key, if one did."""
    if submission.key is None:
        return None
    row = db.execute(_FIRST, (submission.notification.tenant, submission.key)).fetchone()
    if row is None:
        return None
    id, total, body_hash = row
    if body_hash != submission.body_hash:
        raise IdempotencyConflict(id)
    return Receipt(id, total)


def _add_notification(db: sqlite3.Connection, submission: Submission, at: int) -> int | None:
    n = submission.notification
    row = (n.id, n.tenant, n.category, n.content, n.created_at, len(submission.recipients))
    id = db.execute(
        "INSERT INTO notification (public_id, tenant, category, content, created_at, total) VALUES (?, ?, ?, ?, ?, ?)",
        row,
    ).lastrowid
    if submission.key is not None:
        key = (n.tenant, submission.key, submission.body_hash, id, at)
        db.execute("INSERT INTO idempotency_key (tenant, key, body_hash, notification, at) VALUES (?, ?, ?, ?, ?)", key)
    return id


_RECIPIENTS = "FROM stream WHERE key IN (SELECT value FROM json_each(:keys))"

_HEADS = """
INSERT INTO stream (key, seq, unread, unseen, trim_at) SELECT value, 1, 1, 1, :at FROM json_each(:keys) WHERE true
ON CONFLICT (key) DO UPDATE SET seq = seq + 1, unread = unread + 1, unseen = unseen + 1
"""
_ENTRIES = f"""
INSERT INTO entry (stream, seq, kind, at, unread, unseen, notification)
SELECT id, seq, :kind, :at, unread, unseen, :notification {_RECIPIENTS} ORDER BY id
"""
_WRITTEN = f"SELECT json_group_array(json_array(key, incarnation, seq, unread, unseen)) {_RECIPIENTS}"


def _fan_out(db: sqlite3.Connection, values: dict[str, Any]) -> str:
    db.execute(_HEADS, values)
    db.execute(_ENTRIES, values)
    (written,) = db.execute(_WRITTEN, values).fetchone()
    return str(written)
