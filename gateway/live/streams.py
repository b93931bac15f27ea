"""The streams that have sessions on this node: who joins and leaves, and what the bus brings for them."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

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

_GATHER_S = 0.005


class Streams:
    """Holds a stream from its first session to its last. Subscribed first, read then: nothing falls in between.

    A stream that comes alone is asked for at once. Those that follow within a moment are asked for together, and so
    they are read together: for ten at once that costs a third.
    """

    def __init__(self, store: Store, bus: Bus, limits: Limits, tally: Tally) -> None:
        self._bus = bus
        self._limits = limits
        self._tally = tally
        self._catch_up = CatchUp(store, limits, tally)
        self._held: dict[str, HeldStream] = {}
        self._new: list[HeldStream] = []
        self._asked_at = 0.0
        self._asking: asyncio.TimerHandle | None = None
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

    def join(self, connection: Connection, key: str, cursor: Cursor | None) -> None:
        """Have ``connection`` follow the stream ``key`` from ``cursor`` on; its welcome comes when it is read."""
        held = self._held.get(key) or self._hold(key)
        connection.stream = held
        held.members.append(connection)
        held.read_from(connection, cursor)
        if len(held.members) > self._limits.sessions_per_user:
            held.members[0].close(CloseCode.TOO_MANY_CONNECTIONS, "the user opened newer connections")

    def leave(self, connection: Connection) -> None:
        """``connection`` takes nothing more."""
        held, connection.stream = connection.stream, None
        if held is None:
            return
        held.leave(connection)
        if not held.members:
            del self._held[held.key]
            self._bus.unsubscribe([held.key])

    def resubscribe(self, streams: Collection[HeldStream]) -> None:
        """The bus lost something of ``streams`` without a trace."""
        self._bus.resubscribe([held.key for held in streams])

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await self._tasks.close()
        await self._catch_up.close()

    def _hold(self, key: str) -> HeldStream:
        held = self._held[key] = HeldStream(key, self._catch_up.wake, self._tally)
        if not self._new:
            self._asking = asyncio.get_running_loop().call_at(self._asked_at + _GATHER_S, self._subscribe_new)
        self._new.append(held)
        return held

    def _subscribe_new(self) -> None:
        """One command for all that came."""
        self._asked_at = asyncio.get_running_loop().time()
        new, self._new = self._new, []
        self._tasks.begin(self._subscribe(new))

    async def _subscribe(self, new: Sequence[HeldStream]) -> None:
        """Unconfirmed in time: go on, the store has everything and the bus reports a gap when it confirms."""
        keys = [held.key for held in new if self._held.get(held.key) is held]
        if keys:
            timeout_s = 0.0 if self._bus.is_degraded() else self._limits.subscribe_timeout_s
            await self._bus.subscribe(keys, timeout_s)
        for held in new:
            held.subscribed()
