"""The store that the rest of Bellwire sees: ``inbox.store.base.Store`` on MongoDB.

Every method is one operation, tried until it succeeds or its time is over. Writers hold the lock of their stream in
this process; between processes the log's unique index decides.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from inbox.model import (
    Changes,
    Client,
    Head,
    Mark,
    Marked,
    Page,
    Process,
    Progress,
    Receipt,
    Status,
    Submission,
)
from inbox.store.base import Outlet
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Database, connect
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.log import Log
from inbox.store.mongo.marks import Marks, new_writer
from inbox.store.mongo.patience import Errands, persist
from inbox.store.mongo.publish import Publisher, streams_of
from inbox.store.mongo.reads import PageQuery, Reads
from inbox.store.mongo.registry import Registry
from inbox.store.mongo.sweep import Sweeper
from inbox.store.mongo.trim import Trimmer
from inbox.store.mongo.views import Views

T = TypeVar("T")

LOG_KEEP_S = 30 * 86_400.0
PING_S = 2.0


class MongoStore:
    """A store in a MongoDB database, shared by any number of processes.

    :param url: a MongoDB URL; write concern majority with journal, whatever it leaves out.
    :param database: the database's name; made if missing.
    :param log_keep_s: seconds that every process leaves log entries alone when it trims.
    :raises ConfigError: the URL cannot be used.
    """

    def __init__(self, url: str, *, database: str, log_keep_s: float = LOG_KEEP_S) -> None:
        self._client = connect(url)
        self._db = db = Database(self._client, database)
        self._locks = Locks()
        self._errands = Errands()
        contents = Contents(db.notifications)
        log, items, self._heads = Log(db, log_keep_s), Items(db.items), Heads(db)
        self._views = Views(db, log, self._heads, items, contents)
        self._marks = Marks(db, log, self._heads, items, self._views)
        self._publisher = Publisher(db, log, self._heads, items, self._views, contents)
        self._reads = Reads(db, log, self._heads, items, self._views, contents)
        self._sweeper = Sweeper(log, self._views, self._publisher)
        self._trimmer = Trimmer(db, log, items, self._publisher)
        self._registry = Registry(db)

    @property
    def outlet(self) -> Outlet:
        return self._views.outlet

    @outlet.setter
    def outlet(self, outlet: Outlet) -> None:
        self._views.outlet = outlet

    async def open(self) -> None:
        await persist(self._db.prepare)

    async def close(self) -> None:
        await self._errands.finish()
        await self._client.close()

    async def ping(self) -> None:
        await persist(partial(self._db.raw.command, "ping"), PING_S)

    # Writing

    async def publish(self, submission: Submission) -> Receipt:
        streams = streams_of(submission)
        return await self._write(streams, partial(self._publisher.publish, submission))

    async def mark(self, stream: str, mark: Mark) -> Marked:
        return await self._write((stream,), partial(self._marks.mark, stream, mark, new_writer()))

    async def _write(self, streams: Sequence[str], work: Callable[[], Awaitable[T]]) -> T:
        async def in_turn() -> T:
            async with self._locks.hold(streams):
                return await work()

        return await self._errands.run(persist(in_turn))

    async def ack(self, acks: dict[str, int]) -> None:
        await persist(partial(self._heads.ack, acks))

    # Reading

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        """By the view: the entry of a writer that died is seen once the sweep has finished it."""
        return await persist(partial(self._heads.heads, streams))

    async def acked(self, stream: str) -> int:
        return await persist(partial(self._heads.acked, stream))

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        return await persist(partial(self._reads.changes, stream, since, epoch, limit))

    async def page(
        self,
        stream: str,
        *,
        limit: int,
        before: int | None = None,
        status: Status = "inbox",
        category: str | None = None,
    ) -> Page:
        return await persist(partial(self._reads.page, PageQuery(stream, limit, before, status, category)))

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        return await persist(partial(self._publisher.progress, tenant, notification))

    # Upkeep

    async def sweep(self) -> int:
        return await self._sweeper.sweep()

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        return await self._trimmer.trim(keep_entries, keep_s)

    # Keys, clients, processes

    async def secret(self, name: str) -> bytes:
        return await persist(partial(self._registry.secret, name))

    async def put_client(self, client: Client) -> None:
        await persist(partial(self._registry.put_client, client))

    async def client(self, id: str) -> Client | None:
        return await persist(partial(self._registry.client, id))

    async def beat(self, process: Process) -> None:
        await persist(partial(self._registry.beat, process))

    async def leave(self, process_id: str) -> None:
        await persist(partial(self._registry.leave, process_id))

    async def processes(self) -> list[Process]:
        return await persist(self._registry.processes)
