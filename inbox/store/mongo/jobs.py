"""A notification and all the work it makes, as one document: the record of its fan-out, its updates, its removal.

``due_at`` is when somebody should look at it again, and the only lease there is: who claims a job moves it into the
future. Two at once on one job are harmless: each step is moved from the very standing that it began with.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct, field
from pymongo import ReturnDocument

from inbox.model import NotificationState
from inbox.store.mongo.audience import TopicRef
from inbox.store.mongo.contents import content_field
from inbox.store.mongo.database import Collection, Document
from inbox.store.mongo.decisions import News
from inbox.times import now_ms

LEASE_MS = 10_000

Step = Literal["start", "fan_out", "update", "remove", "expire", "rest"]


class Job(Struct, frozen=True):
    """Where the work stands.

    It goes to ``recipients``, forgotten once they are reached, or to ``topic``, of which everybody up to ``cursor`` is
    reached. ``walk`` is how far the items that show it have been brought up to date, by key; ``None`` if they are.
    """

    id: str = field(name="_id")
    tenant: str
    state: NotificationState
    total: int
    version: int = 1
    recipients: tuple[str, ...] = ()
    topic: TopicRef | None = None
    cursor: str = ""
    fanned_out: int = 0
    walk: str | None = None
    send_at: int | None = None
    expires_at: int | None = None
    collapse_key: str | None = None

    @property
    def news(self) -> News:
        return News(self.id, self.state, self.version)

    @property
    def is_small(self) -> bool:
        """At most 1,000 items: whoever asks for a change waits for its end."""
        return self.topic is None

    @property
    def rests_until(self) -> int | None:
        """When there is something to do after all that can be done now."""
        match self.state:
            case "scheduled":
                return self.send_at
            case "running" | "done":
                return self.expires_at
        return None

    def next_step(self, now: int) -> Step:
        match self.state:
            case "cancelled" | "expired":
                return "rest" if self.walk is None else "remove"
            case _ if self.expires_at is not None and self.expires_at <= now:
                return "expire"
            case "scheduled":
                return "start" if (self.send_at or 0) <= now else "rest"
            case "running":
                return "fan_out"
        return "rest" if self.walk is None else "update"


FIELDS = [each.encode_name for each in msgspec.structs.fields(Job)]


class Jobs:
    """The jobs in the collection of the notifications."""

    def __init__(self, notifications: Collection) -> None:
        self._notifications = notifications

    async def find(self, id: str) -> Job | None:
        return job_of(await self._notifications.find_one({"_id": id}, FIELDS))

    async def claim(self) -> Job | None:
        """The job that has been due for longest; it is the caller's for ``LEASE_MS``."""
        now = now_ms()
        claimed = await self._notifications.find_one_and_update(
            {"due_at": {"$lte": now}},
            {"$set": {"due_at": now + LEASE_MS}},
            FIELDS,
            sort=[("due_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return job_of(claimed)

    async def move(
        self, job: Job, *, due_at: int | None = None, content: bytes | None = None, **changes: object
    ) -> Job | None:
        """Take ``job`` a step on from where it stood; ``None`` if it does not stand there any more.

        :param due_at: when to look at it again, if not when there is something to do.
        :param content: what it says from now on; ``changes`` name the version.
        """
        now = now_ms()
        after = msgspec.structs.replace(job, **changes)
        is_over = after.next_step(now) == "rest"
        due_at = due_at or (after.rests_until if is_over else now)
        put = {"due_at": due_at, content_field(after.version): content}
        update: Document = {"$set": changes | {name: value for name, value in put.items() if value is not None}}
        if over := [*["due_at"] * (due_at is None), *["recipients"] * (is_over and job.state != "scheduled")]:
            update["$unset"] = dict.fromkeys(over, "")
        stood = {"state": job.state, "version": job.version, "cursor": job.cursor, "walk": job.walk}
        moved = await self._notifications.find_one_and_update(
            {"_id": job.id, **stood}, update, FIELDS, return_document=ReturnDocument.AFTER
        )
        return job_of(moved)

    async def news(self, ids: Iterable[str]) -> dict[str, News]:
        """What is true of these notifications now."""
        some = list(ids)
        if not some:
            return {}
        found = self._notifications.find({"_id": {"$in": some}}, ["state", "version"])
        return {each["_id"]: News(each["_id"], each["state"], each["version"]) async for each in found}

    async def next_due_at(self) -> int | None:
        first = await self._notifications.find_one({"due_at": {"$gt": 0}}, ["due_at"], sort=[("due_at", 1)])
        return None if first is None else int(first["due_at"])


def job_of(document: Document | None) -> Job | None:
    return None if document is None else msgspec.convert(document, Job)
