"""MongoDB stores and their writers, for the tests of what only they have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

from inbox.ids import new_token
from inbox.store.mongo import MongoStore
from inbox.store.mongo.store import LOG_KEEP_S
from tests.waiting import until
from tests.writers import mongo_writer
from tests.writers.forked import Writer, forked


class Scene:
    """One database on a server, and what tests do to it."""

    def __init__(self, url: str, log_keep_s: float = LOG_KEEP_S) -> None:
        self.url = url
        self.database = f"test_{new_token()}"
        self._log_keep_s = log_keep_s

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MongoStore]:
        """A store of this process, open."""
        store = MongoStore(self.url, database=self.database, log_keep_s=self._log_keep_s)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def writer(self, what: str, fate: str, k: int) -> Writer:
        """A writer in a process of its own."""
        return await forked(mongo_writer.main, self.url, self.database, what, fate, k)

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[Any]:
        """The database itself."""
        async with AsyncMongoClient[Any](self.url) as client:
            yield client[self.database]

    async def sweep(self, store: MongoStore) -> None:
        """Sweep and work as often as a process would in the time in which leases run out, until nothing is left."""

        async def nothing_left() -> bool:
            async with self.raw() as raw:
                for jobs in (raw.notifications, raw.erasures):
                    await jobs.update_many({"due_at": {"$gt": 0}}, {"$set": {"due_at": 1}})
                await store.sweep()
                await store.work()
                left = (
                    raw.log.find_one({"open": True}),
                    raw.notifications.find_one({"due_at": {"$gt": 0}}),
                    raw.erasures.find_one({}),
                )
                return all(found is None for found in await asyncio.gather(*left))

        await until(nothing_left)
