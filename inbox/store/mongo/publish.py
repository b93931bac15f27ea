"""A publish is a job: its record is durable first, then every recipient's stream gets its entry, whoever dies."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from inbox.errors import IdempotencyConflict
from inbox.ids import stream_key
from inbox.model import Progress, Receipt, Submission
from inbox.store.mongo.contents import Contents, notification_of
from inbox.store.mongo.database import Database, Document
from inbox.store.mongo.heads import Heads, Standing
from inbox.store.mongo.items import Items
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Place, Record, item_key
from inbox.store.mongo.views import Views
from inbox.times import monotonic_s, now_ms

LEASE_MS = 10_000
SKEW_MS = 5_000
"""What the clocks of two processes may differ by."""
KEY_KEEP_MS = 86_400_000


class Job(Struct, frozen=True):
    """A fan-out that is open: the notification and the streams that are to have it."""

    id: str
    streams: tuple[str, ...]


Standings = Mapping[str, Standing]


class Publisher:
    def __init__(
        self, database: Database, log: Log, heads: Heads, items: Items, views: Views, contents: Contents
    ) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._items = items
        self._views = views
        self._contents = contents

    async def publish(self, submission: Submission) -> Receipt:
        """
        :raises IdempotencyConflict: the key stands for another body.
        """
        job = Job(submission.notification.id, streams_of(submission))
        # Read before the record exists: whatever another driver of this job writes comes after these heads, so its
        # entry and ours exclude each other.
        standings = await self._heads.standings(job.streams)
        try:
            await self._db.notifications.insert_one(_document(submission))
        except DuplicateKeyError:
            return await self._repeat(submission)
        self._contents.put(submission.notification)
        await self._fan_out(job, standings)
        return Receipt(job.id, len(job.streams))

    async def _repeat(self, submission: Submission) -> Receipt:
        """The record is there: from an earlier try of the same call, or of another one with the same key."""
        id = submission.notification.id
        query = {"_id": id} if submission.key is None else {"key": _key(submission)}
        first = await self._db.notifications.find_one(query)
        if first is None:
            return await self.publish(submission)  # the key was released a moment ago
        if first["_id"] != id and first["body_hash"] != submission.body_hash:
            raise IdempotencyConflict(first["_id"])
        if "open" in first:
            await self.drive(_job(first))
        return Receipt(first["_id"], first["total"])

    async def drive(self, job: Job) -> None:
        """Bring a job to its end that somebody else may have begun, or be driving now."""
        await self._fan_out(job, await self._left(job, await self._heads.standings(job.streams)))

    async def overdue(self) -> Job | None:
        """A job whose driver has not finished it in time; it is the caller's now."""
        now = now_ms()
        document = await self._db.notifications.find_one_and_update(
            {"open": True, "lease_until": {"$lt": now - SKEW_MS}},
            {"$set": {"lease_until": now + LEASE_MS}},
            sort=[("lease_until", 1)],
        )
        return None if document is None else _job(document)

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        document = await self._db.notifications.find_one({"_id": notification})
        if document is None or document["tenant"] != tenant:
            return None
        made, total = notification_of(document), document["total"]
        if "open" not in document:
            return Progress(made, "done", total, total)
        there = await self._items.existing([item_key(stream, notification) for stream in _job(document).streams])
        return Progress(made, "running", total, len(there))

    async def release_keys(self, limit: int) -> None:
        """Forget some of the idempotency keys whose time is over."""
        over = self._db.notifications.find({"key_until": {"$lt": now_ms()}, "open": {"$ne": True}}, {"_id": 1})
        ids = [document["_id"] async for document in over.limit(limit)]
        if ids:
            forget = {"$unset": {"key": "", "key_until": "", "body_hash": ""}}
            await self._db.notifications.update_many({"_id": {"$in": ids}}, forget)

    async def _fan_out(self, job: Job, standings: Standings) -> None:
        """Give each of these streams its entry, and close the job with the last."""
        while standings:
            records = [_created(job, stream, standing.place) for stream, standing in standings.items()]
            began_s = monotonic_s()
            written = await self._log.append(records, min(standing.since_s for standing in standings.values()))
            self._heads.remember(written, began_s)
            refused = {record.stream: record for record in records}
            for record in written:
                del refused[record.stream]
            _, standings = await asyncio.gather(self._finish(written), self._next(job, list(refused.values())))

    async def _finish(self, written: Sequence[Record]) -> None:
        if written:
            await self._views.finish(written, self._views.create(written))

    async def _next(self, job: Job, refused: Sequence[Record]) -> Standings:
        """The streams of ``refused`` that still are without the entry."""
        return await self._left(job, await self._heads.overtaken(refused) if refused else {})

    async def _left(self, job: Job, standings: Standings) -> Standings:
        """Those of these streams that this job has not written to. If that is none, the job is closed.

        The log is asked before the items, and after the heads were read: an entry of the job is open in the log, or
        its item is there, or it comes after that head and excludes ours.
        """
        if standings:
            written = await self._log.by_writer(list(standings), job.id)
            await self._views.finish_found(written)
            there = await self._items.existing([item_key(stream, job.id) for stream in standings])
            standings = {stream: s for stream, s in standings.items() if item_key(stream, job.id) not in there}
        if not standings:
            over = {"open": "", "lease_until": "", "recipients": ""}
            await self._db.notifications.update_one({"_id": job.id}, {"$unset": over})
        return standings


def streams_of(submission: Submission) -> tuple[str, ...]:
    return _streams(submission.notification.tenant, submission.recipients)


def _streams(tenant: str, users: Iterable[str]) -> tuple[str, ...]:
    return tuple(stream_key(tenant, user) for user in users)


def _key(submission: Submission) -> str:
    """A tenant holds no ``/``, so no two tenants share one."""
    return f"{submission.notification.tenant}/{submission.key}"


def _document(submission: Submission) -> Document:
    notification, now = submission.notification, now_ms()
    document: Document = {
        "_id": notification.id,
        "tenant": notification.tenant,
        "category": notification.category,
        "content": notification.content,
        "created_at": notification.created_at,
        "total": len(submission.recipients),
        "recipients": list(submission.recipients),
        "open": True,
        "lease_until": now + LEASE_MS,
    }
    if submission.key is not None:
        key = {"key": _key(submission), "body_hash": submission.body_hash, "key_until": now + KEY_KEEP_MS}
        document.update(key)
    return document


def _job(document: Document) -> Job:
    return Job(document["_id"], _streams(document["tenant"], document["recipients"]))


def _created(job: Job, stream: str, place: Place) -> Record:
    """The entry after ``place``."""
    after = Place(place.seq + 1, place.incarnation, place.unread + 1, place.unseen + 1)
    return Record(stream, after.seq, job.id, "created", now_ms(), after, open=True)
