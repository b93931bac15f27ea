"""What time takes away: old log entries, tombstones, idempotency keys."""

from functools import partial
from itertools import takewhile

from inbox.store.mongo.database import Database, Document
from inbox.store.mongo.decisions import News
from inbox.store.mongo.items import Items
from inbox.store.mongo.jobs import Jobs
from inbox.store.mongo.log import Log
from inbox.store.mongo.patience import persist
from inbox.store.mongo.publish import Publisher
from inbox.times import now_ms

STREAMS_MAX = 100
"""Streams looked at in one round."""
ENTRIES_MAX = 1_000
"""Entries of one stream, and tombstones and keys, that one round drops."""
TOMBSTONE_KEEP_S = 86_400


class Trimmer:
    def __init__(self, database: Database, log: Log, items: Items, jobs: Jobs, publisher: Publisher) -> None:
        self._db = database
        self._log = log
        self._items = items
        self._jobs = jobs
        self._publisher = publisher

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        """One bounded round; how many log entries were dropped."""
        now = now_ms()
        cutoff = now - int(keep_s * 1000)
        due = await persist(partial(self._due, cutoff))
        dropped = 0
        for head in due:
            last = head["at"]["seq"] - max(1, keep_entries)
            dropped += await persist(partial(self._trim_stream, head["_id"], last, cutoff, now))
        # A view made late by a writer of long ago finds the tombstone, however little of the log is kept.
        tombstone_keep_ms = int(max(2 * keep_s, TOMBSTONE_KEEP_S) * 1000)
        await persist(partial(self._collect, now - tombstone_keep_ms))
        return dropped

    async def _due(self, cutoff: int) -> list[Document]:
        due = self._db.heads.find({"trim_at": {"$lte": cutoff}}, {"at": 1}).sort("trim_at", 1)
        return await due.limit(STREAMS_MAX).to_list()

    async def _trim_stream(self, stream: str, last: int, cutoff: int, now: int) -> int:
        """Drop the old ones among the entries up to ``last``, and say when to look again."""
        entries = await self._log.oldest(stream, ENTRIES_MAX)
        old = list(takewhile(lambda e: e.seq <= last and e.at <= cutoff and not e.open, entries))
        dropped = await self._drop(stream, old[-1].seq) if old else 0
        if rest := entries[len(old) :]:
            look_at = rest[0].at if rest[0].seq <= last else now
            await self._db.heads.update_one({"_id": stream}, {"$set": {"trim_at": look_at}})
        return dropped

    async def _drop(self, stream: str, upto: int) -> int:
        """The floor first: from now on whatever a writer of long ago inserts down there is known for a ghost."""
        await self._db.heads.update_one({"_id": stream}, {"$max": {"floor": upto}})
        return await self._log.drop(stream, upto)

    async def _collect(self, removed_before_ms: int) -> None:
        """A tombstone stays while its notification is on its way: a driver must see that it was here."""
        removed = await self._items.removed(removed_before_ms, ENTRIES_MAX)
        news = await self._jobs.news({item.notification for item in removed})
        await self._items.forget(item for item in removed if not _is_on_its_way(news.get(item.notification)))
        await self._publisher.release_keys(ENTRIES_MAX)


def _is_on_its_way(news: News | None) -> bool:
    return news is not None and news.state == "running"
