"""``SqliteStore``: the contract, put together from one way to write and two ways to read."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from inbox.errors import Unavailable
from inbox.model import (
    Changes,
    Cursor,
    Head,
    Listing,
    Mark,
    Marked,
    Membership,
    Page,
    Progress,
    Receipt,
    Status,
    Submission,
    Topic,
    User,
)
from inbox.store.outlet import NoOutlet, Outlet
from inbox.store.sqlite import erase, file, marks, publish, reads, topics, upkeep, work
from inbox.store.sqlite import users as profiles
from inbox.store.sqlite.announce import News, announce
from inbox.store.sqlite.registrar import Registrar
from inbox.store.sqlite.streams import ack, acked, heads
from inbox.store.sqlite.writer import Writer

T = TypeVar("T")

Turns = WeakValueDictionary[str, asyncio.Lock]
"""The locks of the streams that somebody waits for now."""

HEADS_AT_ONCE = 64
"""Heads read in a turn of the event loop. A thread would take longer, and the interpreter from the loop meanwhile."""
ACKS_MAX = 1_000
"""Streams acknowledged in one transaction."""
PING_S = 2.0


class SqliteStore(Registrar):
    """The store in one file, for one machine. See ``inbox.store.base.Store`` for what each method promises.

    Writes go through one thread. Reads of one stream run on the event loop, which costs a tenth of a trip through a
    thread; what may look at more rows goes to a reader thread.

    :param path: the file; made with its directory if missing.
    """

    def __init__(self, path: Path) -> None:
        self.outlet: Outlet = NoOutlet()
        self._path = path.absolute()
        self._generation = ""
        self._turn = asyncio.Lock()
        self._turns_to_mark: Turns = WeakValueDictionary()
        self._turns_to_page: Turns = WeakValueDictionary()

    async def open(self) -> None:
        db, self._near, self._far, self._generation = await asyncio.to_thread(self._connect)
        self._writer = Writer(db)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="bellwire-sqlite-reader")

    def _connect(self) -> tuple[sqlite3.Connection, sqlite3.Connection, sqlite3.Connection, str]:
        db = file.create(self._path)
        (generation,) = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
        return db, file.read_only(self._path), file.read_only(self._path), generation

    async def close(self) -> None:
        await asyncio.to_thread(self._reader.shutdown)
        self._near.close()
        self._far.close()
        await self._writer.close()

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(PING_S):
                await self._writer.run(lambda db: None)
        except TimeoutError:
            raise Unavailable(f"the database took no write within {PING_S:g} s") from None

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read here and now, on the event loop."""
        try:
            return work(self._near)
        except sqlite3.Error as error:
            raise file.unavailable(error) from error

    async def _read_far(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read in the reader thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, work, self._far)
        except sqlite3.Error as error:
            raise file.unavailable(error) from error

    # Writing

    async def _run(self, work: Callable[[sqlite3.Connection], T], news_of: Callable[[T], News]) -> T:
        """Do ``work`` in the writer, and announce what it wrote."""
        return await self._writer.run(work, lambda done: announce(self.outlet, self._generation, news_of(done)))

    async def publish(self, submission: Submission) -> Receipt:
        done = await self._run(partial(publish.publish, submission=submission), lambda done: done.news)
        return done.receipt

    async def cancel(self, tenant: str, notification: str) -> Progress | None:
        cancel = partial(work.cancel, tenant=tenant, notification=notification)
        return (await self._run(cancel, lambda done: done.news)).progress

    async def amend(self, tenant: str, notification: str, change: Callable[[bytes], bytes]) -> Progress | None:
        amend = partial(work.amend, tenant=tenant, notification=notification, change=change)
        return (await self._run(amend, lambda done: done.news)).progress

    async def mark(self, stream: str, mark: Mark) -> Marked:
        def announce(done: marks.Outcome) -> None:
            if done.entry is not None and self.outlet.wants(stream):
                self.outlet.emit(stream, done.marked.head.epoch, done.entry)

        work = partial(marks.mark, generation=self._generation, stream=stream, wish=mark)
        # A user has one mark of the whole inbox waiting for the writer at a time, or others would wait for all of them.
        # Those by ids only keep their place behind it.
        async with self._turns_to_mark.setdefault(stream, asyncio.Lock()):
            if mark.ids is None:
                return (await self._writer.run(work, announce)).marked
        return (await self._writer.run(work, announce)).marked

    async def ack(self, acks: dict[str, int]) -> None:
        pairs = list(acks.items())
        for start in range(0, len(pairs), ACKS_MAX):
            await self._writer.run(partial(ack, acks=pairs[start : start + ACKS_MAX]))

    # Reading

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        found: list[Head] = []
        while part := streams[len(found) : len(found) + HEADS_AT_ONCE]:
            found += self._read(partial(heads, generation=self._generation, streams=part))
            if len(found) < len(streams):
                await asyncio.sleep(0)
        return found

    async def acked(self, stream: str) -> int:
        return self._read(partial(acked, stream=stream))

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        return self._read(
            partial(reads.changes, generation=self._generation, stream=stream, since=since, epoch=epoch, limit=limit)
        )

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        found: list[Changes | None] = []
        while left := wanted[len(found) :]:
            async with self._turn:
                found += self._read(partial(reads.catch_up, generation=self._generation, wanted=left, limit=limit))
                await asyncio.sleep(0)
        return found

    async def page(
        self,
        stream: str,
        *,
        limit: int,
        before: int | None = None,
        status: Status = "inbox",
        category: str | None = None,
    ) -> Page:
        query = reads.PageQuery(stream, limit, before, status, category)
        try:
            return self._read(partial(reads.page, generation=self._generation, query=query, near=reads.NEAR))
        except reads.TooFar:
            async with self._turns_to_page.setdefault(stream, asyncio.Lock()):
                return await self._read_far(partial(reads.page, generation=self._generation, query=query))

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        return self._read(partial(reads.progress, tenant=tenant, notification=notification))

    # Topics and users

    async def put_topic(self, tenant: str, topic: str, description: str | None) -> Topic:
        return await self._writer.run(
            partial(topics.put_topic, tenant=tenant, topic=topic, description=description),
        )

    async def topic(self, tenant: str, topic: str) -> Topic | None:
        return self._read(partial(topics.topic, tenant=tenant, topic=topic))

    async def topics(self, tenant: str, after: str | None, limit: int) -> Listing[Topic]:
        return self._read(partial(topics.topics, tenant=tenant, after=after, limit=limit))

    async def drop_topic(self, tenant: str, topic: str) -> bool:
        return await self._writer.run(partial(topics.drop_topic, tenant=tenant, topic=topic))

    async def change_members(
        self, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]
    ) -> Membership | None:
        return await self._writer.run(
            partial(topics.change_members, tenant=tenant, topic=topic, add=add, remove=remove),
        )

    async def members(self, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str] | None:
        return self._read(partial(topics.members, tenant=tenant, topic=topic, after=after, limit=limit))

    async def topics_of(self, stream: str, after: str | None, limit: int) -> Listing[str]:
        return self._read(partial(topics.topics_of, stream=stream, after=after, limit=limit))

    async def put_users(self, tenant: str, users: Sequence[User]) -> None:
        await self._writer.run(partial(profiles.put_users, tenant=tenant, users=users))

    async def user(self, tenant: str, user: str) -> User | None:
        return self._read(partial(profiles.user, tenant=tenant, user=user))

    async def users(self, tenant: str, after: str | None, limit: int) -> Listing[User]:
        return self._read(partial(profiles.users, tenant=tenant, after=after, limit=limit))

    async def erase(self, stream: str) -> bool:
        await self._run(partial(erase.erase, generation=self._generation, stream=stream), lambda news: news)
        return await self._writer.run(erase.bury)

    # Upkeep

    async def sweep(self) -> int:
        """Nothing is ever left open: what a transaction began, it finished or never was."""
        return 0

    async def work(self) -> float | None:
        if (wait_s := self._read(work.wait_s)) != 0:
            return wait_s
        return (await self._run(work.work, lambda done: done.news)).wait_s

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        return await self._writer.run(partial(upkeep.trim, keep_entries=keep_entries, keep_s=keep_s))
