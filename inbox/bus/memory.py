"""The bus inside one process: a set of streams and the event loop. It loses nothing and is never degraded."""

import asyncio
from collections.abc import Collection

from inbox.bus.base import BusStatistics, Listener


class MemoryBus:
    """For ``bellwire serve`` alone. Frames are handed over on the next turn of the loop, in order.

    Not within ``publish``: that is called from the store's writing path, which must not run a listener's code.
    """

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._streams: set[str] = set()
        self._published = 0
        self._received = 0

    async def start(self, listener: Listener | None) -> None:
        self._listener = listener

    async def close(self) -> None:
        self._listener = None

    def wants(self, stream: str) -> bool:
        return stream in self._streams

    def publish(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self._published += 1
        if stream in self._streams:
            asyncio.get_running_loop().call_soon(self._deliver, stream, seq, epoch, frame)

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        self._streams.update(streams)
        return True

    def unsubscribe(self, streams: Collection[str]) -> None:
        self._streams.difference_update(streams)

    def resubscribe(self, streams: Collection[str]) -> None:
        """Nothing to ask anew: there is nobody in between."""

    def is_degraded(self) -> bool:
        return False

    def statistics(self) -> BusStatistics:
        return BusStatistics(
            published=self._published,
            dropped=0,
            received=self._received,
            forged=0,
            gaps=0,
            reconnects=0,
            subscriptions=len(self._streams),
            degraded=False,
        )

    def _deliver(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        if self._listener is not None and stream in self._streams:
            self._received += 1
            self._listener.receive(stream, seq, epoch, frame)
