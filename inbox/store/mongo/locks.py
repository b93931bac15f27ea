"""One writer of a stream at a time in this process, so that conflicts happen only between processes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Locks:
    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, streams: Iterable[str]) -> AsyncIterator[None]:
        """Wait for the turn at all of ``streams``; everybody takes them in the same order."""
        locks = [self._locks.setdefault(stream, asyncio.Lock()) for stream in sorted(streams)]
        held: list[asyncio.Lock] = []
        try:
            for lock in locks:
                await lock.acquire()
                held.append(lock)
            yield
        finally:
            for lock in held:
                lock.release()
