"""The work that notifications ask for, a piece in a transaction: so a piece is done, or never was begun.

That is all the lease there is: processes on one file take turns.
"""

import sqlite3
import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from inbox.model import NotificationState, Progress
from inbox.store.sqlite import notifications
from inbox.store.sqlite.announce import News
from inbox.store.sqlite.erase import bury, is_buried
from inbox.store.sqlite.fanout import fan_out
from inbox.store.sqlite.notifications import CLOSED, Job
from inbox.store.sqlite.walk import remove, update
from inbox.times import now_ms

CHUNK = 1_000
"""Streams that one piece of work reaches."""
ROUND_S = 0.01
"""No further piece joins a round of this age."""
AT_ONCE = 2
"""Pieces that a request does itself: enough for the 1,000 recipients it may name."""


class Outcome(Struct, frozen=True):
    """What became of a notification, ``None`` if there is none, and the entries that this wrote."""

    progress: Progress | None
    news: News = ()


class Round(Struct, frozen=True):
    """The entries that a round of work wrote, and the seconds until the next is due; ``None``: nothing waits."""

    news: News
    wait_s: float | None


def work(db: sqlite3.Connection) -> Round:
    """Do what is due: one piece of something long, or several short ones."""
    ends = time.monotonic() + ROUND_S
    news: list[News] = []
    bury(db)
    more = False
    while not more and time.monotonic() < ends and (job := notifications.due(db, now_ms())) is not None:
        _, more, part = advance(db, job)
        news.append(part)
    return Round([one for part in news for one in part], wait_s(db))


def wait_s(db: sqlite3.Connection) -> float | None:
    """Seconds until something is due."""
    if not is_buried(db):
        return 0.0
    at = notifications.next_due_at(db)
    return None if at is None else max(0, at - now_ms()) / 1000


def advance(db: sqlite3.Connection, job: Job) -> tuple[Job, bool, News]:
    """Do the next piece of what ``job`` asks for; the job afterwards, and whether it asks for more now."""
    now = now_ms()
    expires_at = job.notification.expires_at
    if job.state not in CLOSED and expires_at is not None and expires_at <= now:
        job = _closed(job, "expired")
    job, more, news = _piece(db, job, now)
    rests_until = None if job.state in CLOSED else expires_at
    notifications.save(db, job, now if more else rests_until)
    return job, more, news


def _piece(db: sqlite3.Connection, job: Job, now: int) -> tuple[Job, bool, News]:
    if job.state in CLOSED:
        return remove(db, job, now, CHUNK)
    if job.state != "done":
        job, news = fan_out(db, job, now, CHUNK)
        return job, job.state == "running" or job.shown < job.notification.version, news
    if job.shown < job.notification.version:
        return update(db, job, now, CHUNK)
    return job, False, ()


def cancel(db: sqlite3.Connection, tenant: str, notification: str) -> Outcome:
    job = notifications.find(db, tenant, notification)
    if job is None or job.state in CLOSED:
        return Outcome(None if job is None else job.progress)
    return _begin(db, _closed(job, "cancelled"))


def amend(db: sqlite3.Connection, tenant: str, notification: str, change: Callable[[bytes], bytes]) -> Outcome:
    """
    :raises Conflict: the notification takes no more changes.
    """
    job = notifications.find(db, tenant, notification)
    if job is None:
        return Outcome(None)
    content = change(job.notification.content)
    if content == job.notification.content and job.state not in CLOSED:
        return Outcome(job.progress)
    newest = replace(job.notification, content=content, version=notifications.add_version(db, job, content))
    # Nobody has seen what was never sent.
    shown = newest.version if job.state == "scheduled" else job.shown
    return _begin(db, replace(job, notification=newest, shown=shown, walked=0))


def _closed(job: Job, state: NotificationState) -> Job:
    return replace(job, state=state, walked=0)


def _begin(db: sqlite3.Connection, job: Job) -> Outcome:
    """Write that ``job`` has changed, and do at once what is not too much."""
    if job.state in ("scheduled", "running"):
        notifications.save(db, job, job.send_at if job.state == "scheduled" else now_ms())
        return Outcome(job.progress)
    notifications.save(db, job, now_ms())
    news: list[News] = []
    more, pieces = True, 0
    while more and pieces < AT_ONCE:
        job, more, part = advance(db, job)
        news.append(part)
        pieces += 1
    return Outcome(job.progress, [one for part in news for one in part])
