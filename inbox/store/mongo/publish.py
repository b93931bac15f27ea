"""A publish: its record is durable first, then every recipient's stream gets its entry, whoever dies."""

from contextlib import suppress
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from pymongo.errors import DuplicateKeyError

from inbox.errors import IdempotencyConflict, NotFound, Unavailable
from inbox.model import Receipt, Submission
from inbox.store.mongo.audience import Audience
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Collection, Document
from inbox.store.mongo.fanout import FanOut, streams_of
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.jobs import FIELDS, LEASE_MS, Job, job_of
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.patience import BUDGET_S, persist
from inbox.store.mongo.records import document_of
from inbox.store.mongo.work import Worker
from inbox.times import monotonic_s, now_ms

KEY_KEEP_MS = 86_400_000
GRACE_S = 1.0
"""Each part is tried for so long at least, however long those before it took."""


class Made(Struct, frozen=True):
    """A record that was made or found: ``new`` if this call made it, ``left`` if it is to be driven to its end."""

    receipt: Receipt
    new: Job | None = None
    left: Job | None = None


class Publisher:
    def __init__(
        self,
        notifications: Collection,
        heads: Heads,
        contents: Contents,
        audience: Audience,
        fan_out: FanOut,
        worker: Worker,
        locks: Locks,
    ) -> None:
        self._notifications = notifications
        self._heads = heads
        self._contents = contents
        self._audience = audience
        self._fan_out = fan_out
        self._worker = worker
        self._locks = locks

    async def publish(self, submission: Submission) -> Receipt:
        """
        :raises IdempotencyConflict: the key stands for another body.
        :raises NotFound: the tenant has no such topic.
        """
        until_s = monotonic_s() + BUDGET_S
        made = await self._begin(submission, until_s)
        if made.left is not None:
            with suppress(Unavailable):  # it is durable: whoever finds it goes on
                await persist(partial(self._worker.drive, made.left), _rest_s(until_s))
        return made.receipt

    async def _begin(self, submission: Submission, until_s: float) -> Made:
        """Make the record, and reach the recipients unless that is to be done later."""
        waits = submission.topic is not None or submission.send_at is not None
        streams = () if waits else streams_of(submission.notification.tenant, submission.recipients)
        async with self._locks.hold(streams):
            standings = await persist(partial(self._heads.standings, streams), _rest_s(until_s))
            made = await persist(partial(self._record, submission), _rest_s(until_s))
            if made.new is None:
                return made
            moved: Job | None = made.new
            if not waits:
                with suppress(Unavailable):
                    moved = await persist(partial(self._fan_out.first, made.new, standings), _rest_s(until_s))
            return made if moved is not None else replace(made, left=made.new)

    async def _record(self, submission: Submission) -> Made:
        """Make the record, or find it: made by an earlier try of this call, or by another one with the same key."""
        document = await self._document(submission)
        if document is not None:
            with suppress(DuplicateKeyError):
                await self._notifications.insert_one(document)
                self._contents.put(submission.notification)
                return Made(Receipt(document["_id"], document["total"]), new=job_of(document))
        if (first := await self._first(submission)) is not None:
            return first
        if document is None:
            raise NotFound(f"no topic {submission.topic} in this tenant: make it first")
        return await self._record(submission)  # the key was released a moment ago

    async def _first(self, submission: Submission) -> Made | None:
        """What was made before, and whether it is to be finished."""
        id = submission.notification.id
        query = {"_id": id} if submission.key is None else {"key": _key(submission)}
        first = await self._notifications.find_one(query, [*FIELDS, "body_hash"])
        if first is None:
            return None
        if first["_id"] != id and first["body_hash"] != submission.body_hash:
            raise IdempotencyConflict(first["_id"])
        job = msgspec.convert(first, Job)
        return Made(Receipt(job.id, job.total), left=job if job.is_small and job.state == "running" else None)

    async def _document(self, submission: Submission) -> Document | None:
        """The record; ``None`` if it is for a topic that is not there."""
        if submission.topic is None:
            return _document(
                submission, {"recipients": list(submission.recipients), "total": len(submission.recipients)}
            )
        found = await self._audience.ref(submission.notification.tenant, submission.topic)
        if found is None:
            return None
        topic, size = found
        return _document(submission, {"topic": document_of(topic), "total": size})

    async def release_keys(self, limit: int) -> None:
        """Forget some of the idempotency keys whose time is over. While a notification is on its way, so is its key."""
        over = {"key_until": {"$lt": now_ms()}, "state": {"$nin": ["scheduled", "running"]}}
        ids = [document["_id"] async for document in self._notifications.find(over, {"_id": 1}).limit(limit)]
        if ids:
            forget = {"$unset": {"key": "", "key_until": "", "body_hash": ""}}
            await self._notifications.update_many({"_id": {"$in": ids}}, forget)


def _rest_s(until_s: float) -> float:
    return max(GRACE_S, until_s - monotonic_s())


def _key(submission: Submission) -> str:
    """A tenant holds no ``/``, so no two tenants share one."""
    return f"{submission.notification.tenant}/{submission.key}"


def _document(submission: Submission, target: Document) -> Document:
    notification, now = submission.notification, now_ms()
    document: Document = {
        "_id": notification.id,
        "tenant": notification.tenant,
        "category": notification.category,
        "content": notification.content,
        "created_at": notification.created_at,
        "version": 1,
        "state": "running" if submission.send_at is None else "scheduled",
        "cursor": "",
        "fanned_out": 0,
        "due_at": _due_at(submission, now),
        **target,
    }
    optional: Document = {
        "expires_at": notification.expires_at,
        "actors": None if notification.actors == b"[]" else notification.actors,
        "collapse_key": notification.collapse_key,
        "send_at": submission.send_at,
    }
    document |= {name: value for name, value in optional.items() if value is not None}
    if submission.key is not None:
        document |= {"key": _key(submission), "body_hash": submission.body_hash, "key_until": now + KEY_KEEP_MS}
    return document


def _due_at(submission: Submission, now: int) -> int:
    """The request that makes the record also does the work, unless it is for a topic."""
    if submission.send_at is not None:
        return submission.send_at
    return now if submission.topic is not None else now + LEASE_MS
