"""Where a stream stands."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from inbox.model import Counts, Head


def epoch_of(generation: str, incarnation: int) -> str:
    """The epoch a client sees."""
    return f"{generation}.{incarnation}"


def key_array(keys: Sequence[str]) -> str:
    """``keys`` as the JSON that ``json_each`` takes: one statement for any number of them."""
    return json.dumps(keys)


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """All reads inside see the same moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


_MAKE = "INSERT OR IGNORE INTO stream (key, seq, unread, unseen, trim_at) SELECT value, 0, 0, 0, ? FROM json_each(?)"


def make(db: sqlite3.Connection, keys: str, now: int) -> None:
    """Have a row for each of the streams of ``keys`` (a ``key_array``): one never written stands at 0."""
    db.execute(_MAKE, (now, keys))


_IDS = (
    "SELECT json_group_array(id) FROM (SELECT id FROM stream WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id)"
)


def ids_of(db: sqlite3.Connection, keys: str) -> str:
    """The integers of these streams, ascending, as a JSON array."""
    (ids,) = db.execute(_IDS, (keys,)).fetchone()
    return str(ids)


class Found(NamedTuple):
    """A stream's row: ``id`` is ``None`` if it was never written, ``floor`` the newest number trimmed from its log."""

    id: int | None
    floor: int
    head: Head


_FIND = "SELECT id, floor, incarnation, seq, unread, unseen FROM stream WHERE key = ?"


def find(db: sqlite3.Connection, generation: str, stream: str) -> Found:
    row = db.execute(_FIND, (stream,)).fetchone()
    if row is None:
        return Found(None, 0, Head(epoch_of(generation, 0)))
    id, floor, incarnation, seq, unread, unseen = row
    return Found(id, floor, Head(epoch_of(generation, incarnation), seq, Counts(unread, unseen)))


_HEADS = """
SELECT key, incarnation, seq, unread, unseen FROM stream WHERE key IN (SELECT value FROM json_each(?))
"""


def heads(db: sqlite3.Connection, generation: str, streams: Sequence[str]) -> list[Head]:
    """The heads of ``streams``, in the order given."""
    found = {
        key: Head(epoch_of(generation, incarnation), seq, Counts(unread, unseen))
        for key, incarnation, seq, unread, unseen in db.execute(_HEADS, (key_array(streams),))
    }
    unwritten = Head(epoch_of(generation, 0))
    return [found.get(stream, unwritten) for stream in streams]


def acked(db: sqlite3.Connection, stream: str) -> int:
    row = db.execute("SELECT acked FROM stream WHERE key = ?", (stream,)).fetchone()
    return 0 if row is None else int(row[0])


_ACK = """
UPDATE stream SET acked = min(given.seq, stream.seq)
FROM (SELECT value ->> 0 AS key, value ->> 1 AS seq FROM json_each(?)) AS given
WHERE stream.key = given.key AND acked < min(given.seq, stream.seq)
"""


def ack(db: sqlite3.Connection, acks: Sequence[tuple[str, int]]) -> None:
    """Raise each stream's mark of what clients confirmed; never above its head, never down."""
    db.execute(_ACK, (json.dumps(acks),))
