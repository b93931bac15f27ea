"""A writer that is killed: run ``main`` in a process of its own.

Right before its ``k``-th SQL statement of the write, or (0) after the commit and before the answer, the process gets
SIGKILL. Exits with 0 if the write ends before that.
"""

import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from inbox.model import Entry, Mark
from inbox.store.sqlite import SqliteStore
from tests.samples import stream_of, submission
from tests.writers.changes import KEY, USERS, change


class Fuse:
    """Counts SQL statements once it is lit, and kills the process."""

    def __init__(self) -> None:
        self.left = -1

    def burn(self, _statement: str) -> None:
        self.left -= 1
        if self.left == 0:
            blow()


def blow() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class FatalOutlet:
    """The process dies with the entry in its hands."""

    def wants(self, stream: str) -> bool:
        return True

    def emit(self, stream: str, epoch: str, entry: Entry) -> None:
        blow()


async def prepare(store: SqliteStore, what: str) -> Callable[[], Awaitable[object]]:
    """The write, with everything it must know read beforehand."""
    if what == "publish":
        return partial(store.publish, submission(*USERS, key=KEY))
    if what == "mark":
        page = await store.page(stream_of("anna"), limit=2)
        return partial(store.mark, stream_of("anna"), Mark("read", ids=tuple(item.id for item in page.items)))
    if what == "mark_many":
        return partial(store.mark, stream_of("anna"), Mark("archive", upto=10_000))
    return await change(store, what)


async def main(path: Path, what: str, k: int) -> None:
    fuse = Fuse()
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_trace_callback(fuse.burn)
        return db

    sqlite3.connect = traced  # type: ignore[assignment]
    store = SqliteStore(path)
    await store.open()
    if k == 0:
        store.outlet = FatalOutlet()
    write = await prepare(store, what)
    fuse.left = k
    await write()
    fuse.left = -1
    await store.close()
