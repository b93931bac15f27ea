"""A writer that meets its fate: run ``main`` in a process of its own.

Right before the ``k``-th command of its write the process gets SIGKILL (``kill``: only commands that write are
counted) or SIGSTOP (``stop``: all are). Exits with 0 once the write was answered.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial

from pymongo import monitoring

from inbox.model import Mark
from inbox.store.mongo import MongoStore, marks
from inbox.store.mongo.store import LOG_KEEP_S
from tests.samples import stream_of, submission
from tests.writers.changes import KEY, USERS, change

KEEP_S = 0.02
"""What the tests trim by while the writer is stopped."""
_WRITES = ("insert", "update", "delete", "findAndModify")


class Fate(monitoring.CommandListener):
    """Counts commands once it is armed."""

    def __init__(self, fate: str) -> None:
        self._fate = fate
        self.left = -1

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self._fate == "kill" and event.command_name not in _WRITES:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL if self._fate == "kill" else signal.SIGSTOP)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


async def prepare(store: MongoStore, what: str) -> Callable[[], Awaitable[object]]:
    """The write, with everything it must know read beforehand."""
    anna = stream_of("anna")
    match what:
        case "publish":
            return partial(store.publish, submission(*USERS, key=KEY))
        case "publish_one":
            return partial(store.publish, submission("anna", key=KEY))
        case "mark":
            page = await store.page(anna, limit=2)
            return partial(store.mark, anna, Mark("read", ids=tuple(item.id for item in page.items)))
        case "remove":
            page = await store.page(anna, limit=1)
            return partial(store.mark, anna, Mark("remove", ids=tuple(item.id for item in page.items)))
        case "mark_many":
            # As if these few items were too many to be named.
            marks.MARK_IDS_MAX = 2  # type: ignore[attr-defined]
            return partial(store.mark, anna, Mark("archive", upto=10_000))
        case _:
            return await change(store, what)


async def main(url: str, database: str, what: str, fate: str, k: int) -> None:
    listener = Fate(fate)
    monitoring.register(listener)
    # Who trims at once must look for ghosts at once; a writer that is only killed runs as in production.
    store = MongoStore(url, database=database, log_keep_s=KEEP_S if fate == "stop" else LOG_KEEP_S)
    await store.open()
    write = await prepare(store, what)
    listener.left = k
    await write()
    listener.left = -1
    await store.close()
