"""The live channels that have sessions on this node, and the signals that come for them. Best effort by design."""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Protocol

from gateway.live import wire
from gateway.live.outgoing import Shared
from gateway.live.tasks import Tasks
from inbox.bus.base import Bus

PORTION = 100
"""Sessions that are offered a channel's signals in one turn of the loop: a millisecond, mostly the kernel's."""


class Subscriber(Protocol):
    """A session in a channel. See ``Connection``."""

    def offer(self, frames: bytes) -> bool:
        """Take ``frames``, unless the client is too slow: then they are lost to it, and False."""
        ...

    def say(self, payload: bytes) -> None: ...


class Channel:
    """One channel: its sessions, its subscription while that is under way, and the signals that go round.

    Signals go round the sessions as on a carousel, a portion in each turn of the loop. One that comes while others are
    on their way gets on where they are, and off when it was everywhere. So whoever is still ahead is given all of them
    in one write, no signal waits for the round of another to end, and nobody else waits for a round.
    """

    __slots__ = (
        "_at",
        "_bytes",
        "_is_planned",
        "_round",
        "_shared",
        "_signals",
        "_together",
        "members",
        "subscription",
    )

    def __init__(self, shared: Shared) -> None:
        self.members: dict[Subscriber, None] = {}
        self.subscription: asyncio.Task[None] | None = None
        self._shared = shared
        # Of each signal: what ``_at`` is when all were offered it, and its frame.
        self._signals: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._together = b""
        self._round: Iterator[Subscriber] = iter(())
        self._at = 0
        self._is_planned = False

    def enter(self, member: Subscriber) -> None:
        """Offer ``member`` what comes from now on."""
        self.finish()
        self.members[member] = None

    def leave(self, member: Subscriber) -> None:
        """Offer ``member`` nothing more."""
        self.finish()
        del self.members[member]

    def add(self, frame: bytes) -> None:
        """One more signal. At most ``write_soft_bytes`` of them go round together."""
        if self._bytes + len(frame) > self._shared.limits.write_soft_bytes:
            self.finish()
        if not self._signals:
            self._round = chain.from_iterable(repeat(self.members))
        self._signals.append((self._at + len(self.members), frame))
        self._bytes += len(frame)
        self._together = b""
        self._plan()

    def flush(self) -> None:
        """Offer what is on its way to a portion of the sessions; the next is for the next turn."""
        self._is_planned = False
        self._offer(PORTION)
        self._plan()

    def finish(self) -> None:
        """Offer all that is on its way to whoever was not offered it."""
        while self._signals:
            self._offer(len(self.members))

    def _plan(self) -> None:
        if self._signals and not self._is_planned:
            self._is_planned = True
            self._shared.outbox.add(self)

    def _offer(self, most: int) -> None:
        """Offer what is on its way to the next ``most`` sessions, or to those before which the oldest gets off."""
        if not self._signals:
            return
        count = min(most, self._signals[0][0] - self._at)
        self._together = self._together or b"".join([frame for _, frame in self._signals])
        lost = 0
        for member in islice(self._round, count):
            if not member.offer(self._together):
                lost += 1
        self._shared.tally.signals_sent += len(self._signals) * (count - lost)
        self._shared.tally.signals_lost += len(self._signals) * lost
        self._at += count
        while self._signals and self._signals[0][0] == self._at:
            self._bytes -= len(self._signals.popleft()[1])
            self._together = b""


class Channels:
    """Holds a channel from its first session to its last. There is no past and no number: what is lost stays lost."""

    def __init__(self, bus: Bus, shared: Shared) -> None:
        self._bus = bus
        self._shared = shared
        self._held: dict[str, Channel] = {}
        self._tasks = Tasks()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, member: Subscriber, key: str, reply: bytes | None) -> None:
        """Have ``member`` receive the signals of ``key``.

        ``reply`` is for when it surely does: the bus has confirmed, or has not for long enough.
        """
        channel = self._held.get(key) or self._hold(key)
        channel.enter(member)
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
            channel.leave(member)
            if not channel.members:
                del self._held[key]
                self._bus.unsubscribe([key])
        if reply is not None:
            member.say(reply)

    def receive(self, key: str, payload: bytes) -> None:
        """A signal came."""
        channel = self._held.get(key)
        if channel is not None:
            channel.add(wire.text_frame(payload))

    async def close(self) -> None:
        await self._tasks.close()

    def _hold(self, key: str) -> Channel:
        channel = self._held[key] = Channel(self._shared)
        channel.subscription = self._tasks.begin(self._subscribe(key, channel))
        return channel

    async def _subscribe(self, key: str, channel: Channel) -> None:
        """Unconfirmed in time: go on, the bus goes on asking."""
        if self._held.get(key) is channel:
            await self._bus.subscribe([key], self._shared.limits.subscribe_timeout_s)
        channel.subscription = None
