"""The one thread that writes, with group commit: what waits together is committed together."""

import asyncio
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

from inbox.errors import Unavailable
from inbox.store.sqlite.file import unavailable

T = TypeVar("T")

QUEUE_MAX = 4_096
"""Jobs waiting or at work; one more is refused with ``Unavailable``."""
GROUP_S = 0.01
"""No further job joins a transaction that has been open this long."""
SWITCH_S = 0.0005
"""How long a busy event loop may keep the interpreter from the writer, which asks for it after every statement.

Python's 5 ms starve it: beside a loop that is never idle 68 publishes/s, p99 2.8 s; with this 717/s, p99 64 ms.
"""


class _Job:
    """A piece of work, and what became of it."""

    __slots__ = ("error", "future", "result", "then", "work")

    def __init__(
        self,
        work: Callable[[sqlite3.Connection], Any],
        then: Callable[[Any], None] | None,
        future: "asyncio.Future[Any]",
    ) -> None:
        self.work = work
        self.then = then
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None

    def run(self, db: sqlite3.Connection) -> None:
        """Do the work in a savepoint, so that a job that fails takes no other with it."""
        db.execute("SAVEPOINT job")
        try:
            self.result = self.work(db)
        except Exception as error:
            # This raises if SQLite rolled back everything by itself (disk full, I/O error): then the group fails.
            db.execute("ROLLBACK TO job")
            self.error = unavailable(error) if isinstance(error, sqlite3.OperationalError) else error
        db.execute("RELEASE job")

    def answer(self) -> None:
        """Tell the caller, unless it has gone. It goes on in a later turn of the loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)

    def announce(self) -> None:
        """Tell the rest of the process, even if the caller has gone: what was done is durable."""
        if self.error is None and self.then is not None:
            self.then(self.result)


class Writer:
    """Runs work on ``db`` in a thread of its own. Made and used on the event loop.

    :param db: the only connection of this process that writes; closed with the writer.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._pending = 0
        self._closed = False
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        self._thread = threading.Thread(target=self._serve, name="bellwire-sqlite-writer")
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Do ``work`` in a transaction; returns its result once that is durable.

        :param then: called with the result on the event loop after the commit, before the caller goes on;
            it must not raise.
        :raises Unavailable: the queue is full, the writer is closed, or the disk refused.
        """
        if self._closed or self._pending >= QUEUE_MAX:
            raise Unavailable("the store is closing" if self._closed else "the store has too many writes waiting")
        future: asyncio.Future[T] = self._loop.create_future()
        self._pending += 1
        self._jobs.put(_Job(work, then, future))
        return await future

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _settle(self, jobs: list[_Job]) -> None:
        self._pending -= len(jobs)
        for job in jobs:
            job.answer()
        for job in jobs:
            job.announce()

    # In the thread

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            try:
                self._commit(group)
            except sqlite3.Error as error:
                self._give_up(group, error)
            self._loop.call_soon_threadsafe(self._settle, group)
        self._db.close()

    def _commit(self, group: list[_Job]) -> None:
        """One transaction for the job in ``group`` and for those that wait behind it, which are added to ``group``."""
        self._db.execute("BEGIN IMMEDIATE")
        group[0].run(self._db)
        for job in self._waiting():
            group.append(job)
            job.run(self._db)
        self._db.execute("COMMIT")

    def _waiting(self) -> Iterator[_Job]:
        deadline = time.monotonic() + GROUP_S
        while time.monotonic() < deadline and not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is None:
                self._jobs.put(None)
                return
            yield job

    def _give_up(self, jobs: list[_Job], error: sqlite3.Error) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        for job in jobs:
            job.error = unavailable(error)
