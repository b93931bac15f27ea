"""A publish: the record and, unless it waits or is for a topic, every recipient's entry, in one transaction."""

import sqlite3

from msgspec import Struct
from msgspec.structs import replace

from inbox.errors import IdempotencyConflict, NotFound
from inbox.model import Receipt, Submission
from inbox.store.sqlite import notifications
from inbox.store.sqlite.announce import News
from inbox.store.sqlite.fanout import deliver
from inbox.store.sqlite.topics import find_topic
from inbox.times import now_ms


class Publication(Struct, frozen=True):
    """What a publish did, and the entries that it wrote."""

    receipt: Receipt
    news: News = ()


def publish(db: sqlite3.Connection, submission: Submission) -> Publication:
    """Make the notification, unless its key has been taken.

    :raises IdempotencyConflict: the key stands for another body.
    :raises NotFound: there is no such topic.
    """
    first = _first(db, submission)
    if first is not None:
        return Publication(first)
    now = now_ms()
    topic, total = _audience(db, submission)
    job = notifications.add(db, submission, topic, total, now)
    if submission.key is not None:
        key = (job.notification.tenant, submission.key, submission.body_hash, job.id, now)
        db.execute("INSERT INTO idempotency_key (tenant, key, body_hash, notification, at) VALUES (?, ?, ?, ?, ?)", key)
    receipt = Receipt(job.notification.id, total)
    if topic is not None or submission.send_at is not None:
        return Publication(receipt)
    news = deliver(db, job, notifications.recipients_of(db, submission, now), now)
    done = replace(job, state="done", fanned_out=total)
    notifications.save(db, done, job.notification.expires_at)
    return Publication(receipt, news)


def _audience(db: sqlite3.Connection, submission: Submission) -> tuple[int | None, int]:
    """The integer of the topic, if it is for one, and how many it goes to.

    :raises NotFound: there is no such topic.
    """
    if submission.topic is None:
        return None, len(submission.recipients)
    found = find_topic(db, submission.notification.tenant, submission.topic)
    if found is None:
        raise NotFound(f"no topic {submission.topic} in this tenant: make it first")
    return found


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
