"""The live channels that have sessions on this node, and the signals that come for them. Best effort by design."""

import asyncio
from typing import Protocol

from gateway.live import wire
from gateway.live.statistics import Tally
from gateway.live.tasks import Tasks
from gateway.settings import Limits
from inbox.bus.base import Bus


class Subscriber(Protocol):
    """A session in a channel. See ``Connection``."""

    def offer(self, frame: bytes) -> bool:
        """Take ``frame``, unless the client is too slow: then it is lost to it, and False."""
        ...

    def say(self, payload: bytes) -> None: ...


class Channel:
    """One channel: its sessions, and its subscription while that is under way."""

    __slots__ = ("members", "subscription")

    def __init__(self) -> None:
        self.members: dict[Subscriber, None] = {}
        self.subscription: asyncio.Task[None] | None = None


class Channels:
    """Holds a channel from its first session to its last. There is no past and no number: what is lost stays lost."""

    def __init__(self, bus: Bus, limits: Limits, tally: Tally) -> None:
        self._bus = bus
        self._timeout_s = limits.subscribe_timeout_s
        self._tally = tally
        self._held: dict[str, Channel] = {}
        self._tasks = Tasks()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, member: Subscriber, key: str, reply: bytes | None) -> None:
        """Have ``member`` receive the signals of ``key``.

        ``reply`` is for when it surely does: the bus has confirmed, or has not for long enough.
        """
        channel = self._held.get(key) or self._hold(key)
        channel.members[member] = None
        if reply is None:
            return
        if channel.subscription is None:
            member.say(reply)
        else:
            channel.subscription.add_done_callback(lambda _: member.say(reply))

    def leave(self, member: Subscriber, key: str, reply: bytes | None) -> None:
        """``member`` receives them no more, if it did."""
        channel = self._held.get(key)
        if channel is not None and member in channel.members:
            del channel.members[member]
            if not channel.members:
                del self._held[key]
                self._bus.unsubscribe([key])
        if reply is not None:
            member.say(reply)

    def receive(self, key: str, payload: bytes) -> None:
        """A signal came: the same bytes for everybody, in the order of the bus."""
        channel = self._held.get(key)
        if channel is None:
            return
        frame = wire.text_frame(payload)
        sent = 0
        for member in channel.members:
            sent += member.offer(frame)
        self._tally.signals_sent += sent
        self._tally.signals_lost += len(channel.members) - sent

    async def close(self) -> None:
        await self._tasks.close()

    def _hold(self, key: str) -> Channel:
        channel = self._held[key] = Channel()
        channel.subscription = self._tasks.begin(self._subscribe(key, channel))
        return channel

    async def _subscribe(self, key: str, channel: Channel) -> None:
        """Unconfirmed in time: go on, the bus goes on asking."""
        if self._held.get(key) is channel:
            await self._bus.subscribe([key], self._timeout_s)
        channel.subscription = None
