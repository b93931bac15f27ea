"""Fan-out: every stream it reaches gets an entry, in set statements.

Statement by statement, the writer would have to win the interpreter lock back from the event loop thousands of times a
chunk. So whole sets go through one statement each, and what Python has to decide travels as one JSON array.
"""

import json
import sqlite3
from typing import Any, NamedTuple

from msgspec.structs import replace

from inbox.collapse import newest_actors
from inbox.ids import item_id
from inbox.model import Counts, Entry, Item
from inbox.store.sqlite.announce import Births, News, Written
from inbox.store.sqlite.notifications import Job
from inbox.store.sqlite.schema import KINDS

_MEMBERS = "SELECT m.stream FROM member m JOIN topic t ON t.id = m.topic WHERE m.topic = :source"
_RECIPIENTS = "SELECT m.stream FROM recipient m WHERE m.notification = :source"
_CHUNK = """
SELECT count(*), max(stream), json_group_array(stream)
FROM ({source} AND m.stream > :reached ORDER BY m.stream LIMIT :limit)
"""


def fan_out(db: sqlite3.Connection, job: Job, at: int, limit: int) -> tuple[Job, News]:
    """Reach the next ``limit`` streams; the job afterwards, ``done`` with the last."""
    source, id = (_RECIPIENTS, job.id) if job.topic is None else (_MEMBERS, job.topic)
    values = {"source": id, "reached": job.reached, "limit": limit}
    n, last, ids = db.execute(_CHUNK.format(source=source), values).fetchone()
    job = replace(job, state="running" if n == limit else "done", fanned_out=job.fanned_out + n)
    if n == 0:
        return job, ()
    return replace(job, reached=last), deliver(db, job, ids, at)


def deliver(db: sqlite3.Connection, job: Job, ids: str, at: int) -> News:
    """Give each of these streams its entry.

    :param ids: their integers, as a JSON array.
    """
    if job.notification.collapse_key is None:
        return (_create(db, job, ids, at),)
    targets = _targets(db, job, ids)
    rest = json.dumps([id for id in json.loads(ids) if id not in targets])
    return (_create(db, job, rest, at), *_take_over(db, job, list(targets.values()), at))


_THESE = "FROM stream WHERE id IN (SELECT value FROM json_each(:ids))"
_COUNT = """
UPDATE stream SET seq = seq + 1, unread = unread + 1, unseen = unseen + 1
WHERE id IN (SELECT value FROM json_each(:ids))
"""
_CREATE = f"""
INSERT INTO entry (stream, seq, kind, at, unread, unseen, notification, version, item, collapse_key)
SELECT id, seq, :kind, :at, unread, unseen, :notification, nullif(:version, 1), :notification, :key {_THESE} ORDER BY id
"""
_WRITTEN = f"SELECT json_group_array(json_array(key, incarnation, seq, unread, unseen)) {_THESE}"


def _create(db: sqlite3.Connection, job: Job, ids: str, at: int) -> Births:
    shown = job.notification
    values = {"notification": job.id, "version": shown.version, "key": shown.collapse_key}
    values |= {"ids": ids, "at": at, "kind": KINDS.index("created")}
    db.execute(_COUNT, values)
    db.execute(_CREATE, values)
    (rows,) = db.execute(_WRITTEN, values).fetchone()
    return Births(shown, at, str(rows))


class Target(NamedTuple):
    """An unread item that is taken over, and where its stream stands."""

    id: int
    pos: int
    item: int
    origin: str
    collapsed: int
    actors: bytes
    is_seen: bool
    stream: str
    incarnation: int
    seq: int
    unread: int
    unseen: int


# With max(), the other columns are those of the row that has the maximum.
_TARGETS = """
SELECT i.stream, max(i.seq), i.item, o.public_id, coalesce(i.collapsed, 0), coalesce(i.actors, n.actors, x'5b5d'),
    i.seen_at IS NOT NULL, s.key, s.incarnation, s.seq, s.unread, s.unseen
FROM json_each(?) AS given
CROSS JOIN entry i ON i.stream = given.value AND i.collapse_key = ? AND i.item IS NOT NULL
    AND i.read_at IS NULL AND i.archived_at IS NULL AND i.removed_at IS NULL
CROSS JOIN notification n ON n.id = i.notification
CROSS JOIN notification o ON o.id = i.item
CROSS JOIN stream s ON s.id = i.stream
GROUP BY i.stream
"""


def _targets(db: sqlite3.Connection, job: Job, ids: str) -> dict[int, Target]:
    rows = db.execute(_TARGETS, (ids, job.notification.collapse_key)).fetchall()
    return {target.id: target for target in map(Target._make, rows)}


# What is no item any more is a plain entry of the log: it shows the states that it had when it was written. Where the
# log has been trimmed it is nothing, and no trim would come by again.
_DROP = """
DELETE FROM entry WHERE (stream, seq) IN (
    SELECT s.id, given.value ->> 1 FROM json_each(:rows) AS given
    CROSS JOIN stream s ON s.id = given.value ->> 0 AND given.value ->> 1 <= s.floor
)
"""
_MOVE_ON = """
UPDATE entry SET item = NULL, collapse_key = NULL, seen_at = NULL FROM json_each(:rows) AS given
WHERE entry.stream = given.value ->> 0 AND entry.seq = given.value ->> 1
"""
_TAKE_OVER = """
INSERT INTO entry (stream, seq, kind, at, unread, unseen, notification, version, origin, collapsed, actors, item,
    collapse_key)
SELECT value ->> 0, value ->> 3, :kind, :at, value ->> 4, value ->> 5, :notification, nullif(:version, 1), value ->> 2,
    value ->> 6, CAST(value ->> 7 AS BLOB), value ->> 2, :key
FROM json_each(:rows)
"""
_STAND = """
UPDATE stream SET seq = given.value ->> 3, unread = given.value ->> 4, unseen = given.value ->> 5
FROM json_each(:rows) AS given WHERE stream.id = given.value ->> 0
"""


def _take_over(db: sqlite3.Connection, job: Job, targets: list[Target], at: int) -> list[Written]:
    """The items move to the top and show this notification."""
    shown = job.notification
    rows: list[tuple[Any, ...]] = []
    written: list[Written] = []
    for t in targets:
        actors = newest_actors(shown.actors, t.actors)
        counts = Counts(t.unread, t.unseen + t.is_seen)
        rows.append(
            (t.id, t.pos, t.item, t.seq + 1, counts.unread, counts.unseen, t.collapsed + 1, actors.decode()),
        )
        item = Item(item_id(t.stream, t.origin), t.seq + 1, shown, collapsed=t.collapsed + 1, actors=actors)
        written.append(Written(t.stream, t.incarnation, Entry(t.seq + 1, "updated", at, counts, item)))
    values = {"rows": json.dumps(rows), "notification": job.id, "version": shown.version, "key": shown.collapse_key}
    values |= {"at": at, "kind": KINDS.index("updated")}
    for statement in (_DROP, _MOVE_ON, _TAKE_OVER, _STAND):
        db.execute(statement, values)
    return written
