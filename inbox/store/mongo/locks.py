"""One writer of a stream at a time in this process, so that conflicts happen only between processes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from inbox.errors import Unavailable

WAIT_S = 5.0


class Locks:
    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, streams: Iterable[str]) -> AsyncIterator[None]:
        """Wait for the turn at all of ``streams``; everybody takes them in the same order.

        :raises Unavailable: it did not come within ``WAIT_S``.
        """
        locks = [self._locks.setdefault(stream, asyncio.Lock()) for stream in sorted(streams)]
        held: list[asyncio.Lock] = []
        try:
            try:
                async with asyncio.timeout(WAIT_S):
                    for lock in locks:
                        await lock.acquire()
                        held.append(lock)
            except TimeoutError as error:
                raise Unavailable(f"others have been writing to these inboxes for {WAIT_S:g} s") from error
            yield
        finally:
            for lock in held:
                lock.release()
