"""The record of a notification: what it says, and what is still to be done with it."""

import sqlite3
from typing import Any

from msgspec import Struct

from inbox.errors import Conflict
from inbox.ids import stream_key
from inbox.model import Notification, NotificationState, Progress, Submission
from inbox.store.base import VERSIONS_MAX
from inbox.store.sqlite.schema import STATES
from inbox.store.sqlite.streams import ids_of, key_array, make

CLOSED: frozenset[NotificationState] = frozenset(("cancelled", "expired"))


def columns(version: str) -> str:
    """The members of a ``Notification`` from ``notification n`` and, joined by ``content_of``, ``content c``."""
    return (
        "n.public_id, n.tenant, n.category, coalesce(c.content, n.content), n.created_at, n.expires_at,"
        f" coalesce(n.actors, x'5b5d'), n.collapse_key, {version}"
    )


def content_of(version: str) -> str:
    """The join that finds the content of a version; the first stands in the notification itself."""
    return f"LEFT JOIN content c ON c.notification = n.id AND c.version = {version}"


class Job(Struct, frozen=True):
    """A notification as work: see ``schema`` for the columns. ``notification`` is its newest version."""

    id: int
    state: NotificationState
    send_at: int | None
    topic: int | None
    topic_name: str | None
    total: int
    fanned_out: int
    reached: int
    shown: int
    walked: int
    notification: Notification

    @property
    def progress(self) -> Progress:
        return Progress(self.notification, self.state, self.total, self.fanned_out, self.topic_name, self.send_at)


_JOB = f"""
SELECT n.id, n.state, n.send_at, n.topic, n.topic_name, n.total, n.fanned_out, n.reached, n.shown, n.walked,
    {columns("n.version")}
FROM notification n {content_of("n.version")}
"""
_JOB_FIELDS = 10


def find(db: sqlite3.Connection, tenant: str, notification: str) -> Job | None:
    return _job(db.execute(f"{_JOB} WHERE n.public_id = ? AND n.tenant = ?", (notification, tenant)).fetchone())


def due(db: sqlite3.Connection, now: int) -> Job | None:
    """The one that has been due for longest."""
    return _job(db.execute(f"{_JOB} WHERE n.due_at <= ? ORDER BY n.due_at LIMIT 1", (now,)).fetchone())


def next_due_at(db: sqlite3.Connection) -> int | None:
    (at,) = db.execute("SELECT min(due_at) FROM notification WHERE due_at IS NOT NULL").fetchone()
    return None if at is None else int(at)


def _job(row: tuple[Any, ...] | None) -> Job | None:
    if row is None:
        return None
    id, state, *rest = row[:_JOB_FIELDS]
    fields = (id, STATES[state], *rest, Notification(*row[_JOB_FIELDS:]))
    return Job(*fields)


_INSERT = """
INSERT INTO notification (public_id, tenant, category, content, created_at, expires_at, actors, collapse_key, send_at,
    topic, topic_name, total, state, fanned_out, due_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
"""


def add(db: sqlite3.Connection, submission: Submission, topic: int | None, total: int, now: int) -> Job:
    """Make the record; those it goes to later are remembered with it."""
    n, send_at = submission.notification, submission.send_at
    state: NotificationState = "running" if send_at is None else "scheduled"
    actors = None if n.actors == b"[]" else n.actors
    row = (n.id, n.tenant, n.category, n.content, n.created_at, n.expires_at, actors, n.collapse_key, send_at)
    due_at = now if send_at is None else send_at
    id = db.execute(_INSERT, (*row, topic, submission.topic, total, STATES.index(state), due_at)).lastrowid or 0
    if send_at is not None and topic is None:
        remember = "INSERT INTO recipient SELECT ?, value FROM json_each(?)"
        db.execute(remember, (id, recipients_of(db, submission, now)))
    return Job(id, state, send_at, topic, submission.topic, total, 0, 0, 1, 0, n)


def recipients_of(db: sqlite3.Connection, submission: Submission, now: int) -> str:
    """The integers of the streams of the recipients, as a JSON array."""
    keys = key_array([stream_key(submission.notification.tenant, user) for user in submission.recipients])
    make(db, keys, now)
    return ids_of(db, keys)


def save(db: sqlite3.Connection, job: Job, due_at: int | None) -> None:
    """Write what has become of ``job``."""
    db.execute(
        "UPDATE notification SET state = ?, version = ?, fanned_out = ?, reached = ?, shown = ?, walked = ?, due_at = ?"
        " WHERE id = ?",
        (
            STATES.index(job.state),
            job.notification.version,
            job.fanned_out,
            job.reached,
            job.shown,
            job.walked,
            due_at,
            job.id,
        ),
    )
    if job.state not in ("scheduled", "running"):
        db.execute("DELETE FROM recipient WHERE notification = ?", (job.id,))


def add_version(db: sqlite3.Connection, job: Job, content: bytes) -> int:
    """Keep ``content`` as the next version; its number.

    :raises Conflict: the notification takes no more changes.
    """
    if job.state in CLOSED:
        raise Conflict(f"notification {job.notification.id} is {job.state}: it cannot be changed any more")
    version = job.notification.version + 1
    if version > VERSIONS_MAX:
        raise Conflict(f"notification {job.notification.id} has changed {VERSIONS_MAX - 1} times: publish a new one")
    db.execute("INSERT INTO content VALUES (?, ?, ?)", (job.id, version, content))
    return version
