"""A store's own speed, without HTTP and sockets: medians of several runs on this machine.

usage: python -m bench.store [--store sqlite|mongo] [--runs 5]
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from inbox.model import Mark
from inbox.store.base import Store
from inbox.store.sqlite import SqliteStore
from tests.samples import stream_of, submission

WRITERS = 32
SINGLES = 20_000
BATCHES = 100
BATCH = 1_000
USERS = 10_000
DEEP_ITEMS = 10_000
READS = 2_000
DEEP = stream_of("deep")


@asynccontextmanager
async def opened(kind: str) -> AsyncIterator[Store]:
    """A new, empty store."""
    with tempfile.TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            store = _mongo(Path(name), stack) if kind == "mongo" else SqliteStore(Path(name) / "bench.sqlite3")
            await store.open()
            stack.push_async_callback(store.close)
            yield store


def _mongo(directory: Path, stack: AsyncExitStack) -> Store:
    from inbox.store.mongo import MongoStore
    from tests.servers.mongo import MongoServer

    server = MongoServer(directory, is_busy=True)
    server.start()
    stack.callback(server.stop)
    return MongoStore(server.url, database="bench")


async def rate(n: int, tasks: int, once: Callable[[], Awaitable[object]]) -> float:
    """Calls a second, ``n`` of them by ``tasks`` callers that each wait for their answers."""

    async def caller() -> None:
        for _ in range(n // tasks):
            await once()

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(tasks)))
    return n / (time.perf_counter() - start)


async def singles(store: Store) -> float:
    return await rate(SINGLES, WRITERS, lambda: store.publish(submission(f"user-{random.randrange(USERS)}")))


async def batches(store: Store) -> float:
    users = [f"user-{i}" for i in range(USERS)]
    return BATCH * await rate(BATCHES, 2, lambda: store.publish(submission(*random.sample(users, BATCH))))


async def deepen(store: Store) -> None:
    for _ in range(DEEP_ITEMS // 250):
        await asyncio.gather(*(store.publish(submission("deep")) for _ in range(250)))


async def page(store: Store, before: int | None = None, **filters: str) -> float:
    return await rate(READS, 1, partial(store.page, DEEP, limit=25, before=before, **filters))  # type: ignore[arg-type]


async def changes(store: Store) -> float:
    (head,) = await store.heads([DEEP])
    return await rate(READS, 1, lambda: store.changes(DEEP, head.seq - 300, head.epoch, 300))


async def heads(store: Store) -> float:
    streams = [stream_of(f"user-{i}") for i in range(1_000)]
    return await rate(200, 1, lambda: store.heads(streams))


async def mark_all(store: Store) -> float:
    ops = iter(["read", "unread"] * 10)
    return await rate(20, 1, lambda: store.mark(DEEP, Mark(next(ops), upto=2 * DEEP_ITEMS)))  # type: ignore[arg-type]


async def table(kind: str, runs: int) -> None:
    async with opened(kind) as store:
        await row("publish, 1 recipient, 32 writers", "/s", runs, lambda: singles(store))
        await row("publish, 1,000 of 10,000 users, items", "/s", runs, lambda: batches(store))
        await row("heads of 1,000 streams", "/s", runs, lambda: heads(store))
        await deepen(store)
        await row("page of 25 of 10,000, newest", "/s", runs, lambda: page(store))
        await row("page of 25 of 10,000, at item 9,000", "/s", runs, lambda: page(store, 1_000))
        await row("300 changes", "/s", runs, lambda: changes(store))
        await row("read or unread all of 10,000", "/s", runs, lambda: mark_all(store))
        await store.mark(DEEP, Mark("read", upto=2 * DEEP_ITEMS))
        await store.mark(DEEP, Mark("unread", upto=3))
        await row("page of the 3 oldest unread of 10,000", "/s", runs, lambda: page(store, status="unread"))
        await row("page of no item of 10,000, by category", "/s", runs, lambda: page(store, category="none"))


async def row(what: str, unit: str, runs: int, once: Callable[[], Awaitable[float]]) -> None:
    found = [await once() for _ in range(runs)]
    os.write(1, f"{what:<40} {statistics.median(found):>9,.0f} {unit}  {min(found):,.0f}-{max(found):,.0f}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "mongo"], default="sqlite")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    asyncio.run(table(options.store, options.runs))


if __name__ == "__main__":
    main()
