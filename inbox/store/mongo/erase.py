"""Erasing a user: a job of its own kind, which any process finishes and repeats until no late writer can be left.

The ``erased`` entry comes first: from then on nobody reads what is below it. Log documents are emptied and stay:
a writer that was stopped must still collide with its number. What such a writer makes of the former incarnation
nevertheless is seen by nobody, and goes with one of the later passes.
"""

import secrets
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from pymongo import ReturnDocument, UpdateOne

from inbox.ids import new_token
from inbox.model import Counts
from inbox.store.mongo.append import Appender, Places
from inbox.store.mongo.closing import Closer
from inbox.store.mongo.database import Database, Document
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.jobs import LEASE_MS
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.log import Log
from inbox.store.mongo.members import Members
from inbox.store.mongo.patience import BUDGET_S, persist
from inbox.store.mongo.records import Place, Record, entry_key
from inbox.store.mongo.users import Users
from inbox.store.mongo.views import Views
from inbox.times import monotonic_s, now_ms

AGAIN_S = (120, 3_600, 86_400)
"""The later passes, after the one before. A writer that was stopped for longer than these leaves a trace."""
CHUNK = 500
"""Documents emptied, or deleted, by one command."""


class Erasure(Struct, frozen=True):
    """``n`` names it in the log; ``passes`` have come to their end."""

    stream: str = field(name="_id")
    n: str
    passes: int = 0


class Eraser:
    def __init__(
        self,
        database: Database,
        log: Log,
        heads: Heads,
        views: Views,
        appender: Appender,
        closer: Closer,
        members: Members,
        users: Users,
        locks: Locks,
    ) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._views = views
        self._appender = appender
        self._closer = closer
        self._members = members
        self._users = users
        self._locks = locks

    async def erase(self, stream: str) -> bool:
        """Begin, and go on for as long as a request may take; whether the first pass has come to its end."""
        erasure = Erasure(stream, f"erase:{new_token()}")
        record = {"n": erasure.n, "passes": 0, "due_at": now_ms() + LEASE_MS}
        await persist(partial(self._db.erasures.update_one, {"_id": stream}, {"$set": record}, upsert=True))
        return await self._pass(erasure, monotonic_s() + BUDGET_S)

    async def work(self) -> float | None:
        """A pass over one that is due; seconds until the next is."""
        erasure = await persist(self._claim)
        if erasure is not None:
            await self._pass(erasure, monotonic_s() + BUDGET_S)
        first = await persist(partial(self._db.erasures.find_one, {}, ["due_at"], sort=[("due_at", 1)]))
        return None if first is None else max(0, first["due_at"] - now_ms()) / 1000

    async def _claim(self) -> Erasure | None:
        now = now_ms()
        claimed = await self._db.erasures.find_one_and_update(
            {"due_at": {"$lte": now}},
            {"$set": {"due_at": now + LEASE_MS}},
            sort=[("due_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return None if claimed is None else Erasure(claimed["_id"], claimed["n"], claimed["passes"])

    async def _pass(self, erasure: Erasure, until_s: float) -> bool:
        """Remove everything there is now; whether the time was enough."""
        stream = erasure.stream
        if erasure.passes == 0:
            await persist(partial(self._forget, stream))
            await persist(partial(self._begin_anew, erasure))
        place = (await persist(partial(self._heads.fresh, [stream])))[stream].place
        for step in (self._empty_log, self._delete_items):
            if not await _repeat(partial(step, stream, place), until_s):
                await persist(partial(self._look_again, erasure, 0))
                return False
        await persist(partial(self._conclude, replace(erasure, passes=erasure.passes + 1)))
        return True

    async def _conclude(self, erasure: Erasure) -> None:
        if erasure.passes > len(AGAIN_S):
            await self._db.erasures.delete_one({"_id": erasure.stream, "n": erasure.n})
        else:
            await self._look_again(erasure, AGAIN_S[erasure.passes - 1])

    async def _look_again(self, erasure: Erasure, after_s: float) -> None:
        # One that was begun anew meanwhile has another name.
        now = {"passes": erasure.passes, "due_at": now_ms() + int(after_s * 1000)}
        await self._db.erasures.update_one({"_id": erasure.stream, "n": erasure.n}, {"$set": now})

    async def _forget(self, stream: str) -> None:
        """The profile, the memberships, and the places in notifications that wait for their time."""
        await self._users.forget(stream)
        await self._members.leave(stream)
        tenant, _, user = stream.partition("/")
        await self._db.notifications.update_many(
            {"state": "scheduled", "tenant": tenant, "recipients": user},
            {"$pull": {"recipients": user}, "$inc": {"total": -1}},
        )

    async def _begin_anew(self, erasure: Erasure) -> None:
        """Append the ``erased`` entry, unless there is nothing below it."""
        stream, incarnation = erasure.stream, secrets.randbits(31) | 1

        async def decide(places: Places) -> list[Record]:
            if await self._log.by_writer([stream], erasure.n):
                return []
            place = (await self._views.settle(places))[stream]
            if place.seq == 0 or await self._is_empty(stream, place):
                return []
            after = replace(place.next(Counts()), incarnation=incarnation)
            return [Record(stream, after.seq, erasure.n, "erased", now_ms(), after, open=True)]

        async with self._locks.hold((stream,)):
            written = await self._appender.append(await self._heads.fresh([stream]), decide)
            # The view has to stand beyond what is emptied next, whoever wrote the entry.
            await self._closer.finish(written)
            await self._closer.finish_found(await self._log.by_writer([stream], erasure.n))

    async def _is_empty(self, stream: str, place: Place) -> bool:
        """Whether the stream was erased before, and nothing has come since."""
        newest = await self._db.log.find_one({"_id": entry_key(stream, place.seq)}, ["kind"])
        return newest is not None and newest.get("kind") == "erased"

    async def _empty_log(self, stream: str, place: Place) -> bool:
        """Empty some of the entries before this incarnation; whether those were all."""
        first = await self._db.log.find_one(
            {"stream": stream, "kind": "erased", "place.incarnation": place.incarnation}, ["seq"]
        )
        if first is None:
            return True  # never erased, or so long ago that it was trimmed
        below = {"stream": stream, "_id": {"$lt": entry_key(stream, first["seq"])}, "kind": {"$exists": True}}
        found = await self._db.log.find(below, ["seq"]).limit(CHUNK).to_list()
        if found:
            await self._db.log.bulk_write([_emptying(each) for each in found], ordered=False)
        return len(found) < CHUNK

    async def _delete_items(self, stream: str, place: Place) -> bool:
        """Delete some of the items of other incarnations; whether those were all."""
        others = {"stream": stream, "incarnation": {"$ne": place.incarnation}}
        keys = [each["_id"] async for each in self._db.items.find(others, ["_id"]).limit(CHUNK)]
        if keys:
            await self._db.items.delete_many({"_id": {"$in": keys}})
        return len(keys) < CHUNK


_CHANGE = ("kind", "place", "ids", "upto", "reason", "version", "item", "open")


def _emptying(entry: Document) -> UpdateOne:
    """The number stays taken, and the age that trimming goes by; ``n`` is unique, so it is filled with the number."""
    emptied = {"$set": {"n": f"#{entry['seq']}"}, "$unset": dict.fromkeys(_CHANGE, "")}
    return UpdateOne({"_id": entry["_id"]}, emptied)


async def _repeat(step: Callable[[], Coroutine[Any, Any, bool]], until_s: float) -> bool:
    """Take ``step`` until it says that it was the last; False if the time was over first."""
    while not await persist(step):
        if monotonic_s() > until_s:
            return False
    return True
