"""The streams that have sessions on this node: who joins and leaves, and what the bus brings for them."""

import asyncio
from collections.abc import Collection, Iterable

from gateway.live.catch_up import CatchUp
from gateway.live.codes import CloseCode
from gateway.live.connection import Connection
from gateway.live.held_stream import HeldStream
from gateway.live.statistics import Tally
from gateway.live.tasks import Tasks
from gateway.settings import Limits
from inbox.bus.base import Bus
from inbox.model import Cursor
from inbox.store.base import Store


class Streams:
    """Holds a stream from its first session to its last. Subscribed first, read then: nothing falls in between."""

    def __init__(self, store: Store, bus: Bus, limits: Limits, tally: Tally) -> None:
        self._bus = bus
        self._limits = limits
        self._tally = tally
        self._catch_up = CatchUp(store, limits, tally)
        self._held: dict[str, HeldStream] = {}
        self._tasks = Tasks()

    def __len__(self) -> int:
        return len(self._held)

    def keys(self) -> list[str]:
        return list(self._held)

    def find(self, keys: Iterable[str]) -> list[HeldStream]:
        """Those of ``keys`` that are held."""
        return [held for key in keys if (held := self._held.get(key)) is not None]

    def receive(self, key: str, seq: int, epoch: str, payload: bytes) -> None:
        """An entry came from the bus."""
        held = self._held.get(key)
        if held is not None:
            held.receive(seq, epoch, payload)

    async def join(self, connection: Connection, key: str, cursor: Cursor | None) -> None:
        """Have ``connection`` follow the stream ``key`` from ``cursor`` on; its welcome comes when it is read."""
        held = self._held.get(key) or self._hold(key)
        connection.reading = True
        connection.stream = held
        held.members[connection] = None
        if len(held.members) > self._limits.sessions_per_user:
            next(iter(held.members)).close(CloseCode.TOO_MANY_CONNECTIONS, "the user opened newer connections")
        if held.subscription is not None:
            await asyncio.wait([held.subscription])
        if connection in held.members:
            held.read_from(connection, cursor)

    def leave(self, connection: Connection) -> None:
        """``connection`` takes nothing more."""
        held, connection.stream = connection.stream, None
        if held is None:
            return
        del held.members[connection]
        held.waiting.pop(connection, None)
        if not held.members:
            del self._held[held.key]
            self._bus.unsubscribe([held.key])

    def resubscribe(self, streams: Collection[HeldStream]) -> None:
        """The bus lost something of ``streams`` without a trace."""
        self._bus.resubscribe([held.key for held in streams])

    async def close(self) -> None:
        await self._tasks.close()

    def _hold(self, key: str) -> HeldStream:
        held = self._held[key] = HeldStream(key, self._wake, self._tally)
        held.subscription = self._tasks.begin(self._subscribe(held))
        return held

    async def _subscribe(self, held: HeldStream) -> None:
        """Unconfirmed in time: go on, the store has everything and the bus reports a gap when it confirms."""
        if self._held.get(held.key) is held:
            await self._bus.subscribe([held.key], self._limits.subscribe_timeout_s)
        held.subscription = None

    def _wake(self, held: HeldStream) -> None:
        self._tasks.begin(self._catch_up.run(held))
