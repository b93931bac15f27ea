"""The store that the rest of Bellwire sees: ``inbox.store.base.Store`` on MongoDB.

Every method is one operation, tried until it succeeds or its time is over. Writers hold the lock of their stream in
this process; between processes the log's unique index decides.
"""

from collections.abc import Callable, Sequence
from functools import partial

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
from inbox.store.mongo.amend import Amender
from inbox.store.mongo.append import Appender
from inbox.store.mongo.closing import Closer
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Database, connect
from inbox.store.mongo.erase import Eraser
from inbox.store.mongo.fanout import FanOut
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.jobs import Jobs
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.log import Log
from inbox.store.mongo.marks import Marks, new_writer
from inbox.store.mongo.members import Members
from inbox.store.mongo.patience import persist
from inbox.store.mongo.publish import Publisher
from inbox.store.mongo.reads import PageQuery, Reads
from inbox.store.mongo.registrar import Registrar
from inbox.store.mongo.sweep import Sweeper
from inbox.store.mongo.topics import Topics
from inbox.store.mongo.trim import Trimmer
from inbox.store.mongo.users import Users
from inbox.store.mongo.views import Views
from inbox.store.mongo.walk import Walk
from inbox.store.mongo.work import Worker
from inbox.store.outlet import Outlet

LOG_KEEP_S = 30 * 86_400.0
PING_S = 2.0


class MongoStore(Registrar):
    """A store in a MongoDB database, shared by any number of processes.

    :param url: a MongoDB URL; write concern majority with journal, whatever it leaves out.
    :param database: the database's name; made if missing.
    :param log_keep_s: seconds that every process leaves log entries alone when it trims.
    :raises ConfigError: the URL cannot be used.
    """

    def __init__(self, url: str, *, database: str, log_keep_s: float = LOG_KEEP_S) -> None:
        self._client = connect(url)
        self._db = db = Database(self._client, database)
        super().__init__(db)
        self._users, self._members = Users(db.users), Members(db.members)
        self._topics = topics = Topics(db, self._members)
        self._locks = locks = Locks()
        contents = Contents(db.notifications)
        log, items, self._heads = Log(db, log_keep_s), Items(db.items), Heads(db)
        views, appender, jobs = (
            Views(log, self._heads, items, contents),
            Appender(log, self._heads),
            Jobs(db.notifications),
        )
        self._closer = closer = Closer(db, log, self._heads, items, views, contents, appender, jobs)
        fan_out = FanOut(log, self._heads, items, views, contents, appender, closer, jobs, topics, locks)
        self._worker = Worker(jobs, fan_out, Walk(self._heads, items, views, closer, jobs, locks))
        self._publisher = Publisher(db.notifications, self._heads, contents, topics, fan_out, self._worker, locks)
        self._amender = Amender(contents, jobs, self._worker)
        self._marks = Marks(db, log, self._heads, items, views, closer)
        self._reads = Reads(db, log, self._heads, items, views, contents)
        self._sweeper = Sweeper(log, closer)
        self._trimmer = Trimmer(db, log, items, jobs, self._publisher)
        self._eraser = Eraser(db, log, self._heads, views, appender, closer, self._members, self._users, locks)

    @property
    def outlet(self) -> Outlet:
        return self._closer.outlet

    @outlet.setter
    def outlet(self, outlet: Outlet) -> None:
        self._closer.outlet = outlet

    async def open(self) -> None:
        await persist(self._db.prepare)

    async def close(self) -> None:
        await self._errands.finish()
        await self._client.close()

    async def ping(self) -> None:
        await persist(partial(self._db.raw.command, "ping"), PING_S)

    # Writing

    async def publish(self, submission: Submission) -> Receipt:
        return await self._errands.run(self._publisher.publish(submission))

    async def cancel(self, tenant: str, notification: str) -> Progress | None:
        return await self._errands.run(persist(partial(self._amender.cancel, tenant, notification)))

    async def amend(self, tenant: str, notification: str, change: Callable[[bytes], bytes]) -> Progress | None:
        return await self._errands.run(persist(partial(self._amender.amend, tenant, notification, change)))

    async def mark(self, stream: str, mark: Mark) -> Marked:
        n = new_writer()

        async def in_turn() -> Marked:
            async with self._locks.hold((stream,)):
                return await self._marks.mark(stream, mark, n)

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

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        return await persist(partial(self._reads.catch_up, wanted, limit))

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
        return await persist(partial(self._amender.progress, tenant, notification))

    # Topics

    async def put_topic(self, tenant: str, topic: str, description: str | None) -> Topic:
        return await persist(partial(self._topics.put, tenant, topic, description))

    async def topic(self, tenant: str, topic: str) -> Topic | None:
        return await persist(partial(self._topics.get, tenant, topic))

    async def topics(self, tenant: str, after: str | None, limit: int) -> Listing[Topic]:
        return await persist(partial(self._topics.page, tenant, after, limit))

    async def drop_topic(self, tenant: str, topic: str) -> bool:
        return await persist(partial(self._topics.drop, tenant, topic))

    async def change_members(
        self, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]
    ) -> Membership | None:
        return await persist(partial(self._topics.change_members, tenant, topic, add, remove))

    async def members(self, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str] | None:
        return await persist(partial(self._topics.members, tenant, topic, after, limit))

    async def topics_of(self, stream: str, after: str | None, limit: int) -> Listing[str]:
        return await persist(partial(self._topics.of_user, stream, after, limit))

    # Users

    async def put_users(self, tenant: str, users: Sequence[User]) -> None:
        await persist(partial(self._users.put, tenant, users))

    async def user(self, tenant: str, user: str) -> User | None:
        return await persist(partial(self._users.get, tenant, user))

    async def users(self, tenant: str, after: str | None, limit: int) -> Listing[User]:
        return await persist(partial(self._users.page, tenant, after, limit))

    async def erase(self, stream: str) -> bool:
        return await self._errands.run(self._eraser.erase(stream))

    # Upkeep

    async def sweep(self) -> int:
        return await self._sweeper.sweep()

    async def work(self) -> float | None:
        waits = (await self._worker.work(), await self._eraser.work())
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    async def trim(self, keep_entries: int, keep_s: float) -> int:
        await persist(self._topics.collect)
        await persist(self._revocations.forget)
        return await self._trimmer.trim(keep_entries, keep_s)
