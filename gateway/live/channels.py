"""The live channels that have sessions on this node, and the signals that come for them. Best effort by design."""

import asyncio
from typing import Protocol

from gateway.live import wire
from gateway.live.outgoing import Shared
from gateway.live.statistics import Tally
from gateway.live.tasks import Tasks
from inbox.bus.base import Bus


class Subscriber(Protocol):
    """A session in a channel. See ``Connection``."""

    def offer(self, frames: bytes) -> bool:
        """Take ``frames``, unless the client is too slow: then they are lost to it, and False."""
        ...

    def say(self, payload: bytes) -> None: ...


class Channel:
    """One channel: its sessions, its subscription while that is under way, and the signals of this turn.

    Signals that come in one turn of the loop are put together once for all sessions, not once for each.
    """

    __slots__ = ("_frames", "_frames_bytes", "_tally", "members", "subscription")

    def __init__(self, tally: Tally) -> None:
        self.members: dict[Subscriber, None] = {}
        self.subscription: asyncio.Task[None] | None = None
        self._frames: list[bytes] = []
        self._frames_bytes = 0
        self._tally = tally

    def add(self, frame: bytes, max_bytes: int) -> bool:
        """One more signal. At most ``max_bytes`` are put together. Whether it is the first that waits for ``flush``."""
        if self._frames_bytes + len(frame) > max_bytes:
            self.flush()
        self._frames.append(frame)
        self._frames_bytes += len(frame)
        return len(self._frames) == 1

    def flush(self) -> None:
        """Give every session what came. The same bytes for everybody, in the order of the bus."""
        frames, self._frames, self._frames_bytes = self._frames, [], 0
        if not frames:
            return
        together = frames[0] if len(frames) == 1 else b"".join(frames)
        lost = 0
        for member in self.members:
            if not member.offer(together):
                lost += 1
        self._tally.signals_sent += len(frames) * (len(self.members) - lost)
        self._tally.signals_lost += len(frames) * lost


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
        channel.flush()
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
            channel.flush()
            del channel.members[member]
            if not channel.members:
                del self._held[key]
                self._bus.unsubscribe([key])
        if reply is not None:
            member.say(reply)

    def receive(self, key: str, payload: bytes) -> None:
        """A signal came."""
        channel = self._held.get(key)
        if channel is not None and channel.add(wire.text_frame(payload), self._shared.limits.write_soft_bytes):
            self._shared.outbox.add(channel)

    async def close(self) -> None:
        await self._tasks.close()

    def _hold(self, key: str) -> Channel:
        channel = self._held[key] = Channel(self._shared.tally)
        channel.subscription = self._tasks.begin(self._subscribe(key, channel))
        return channel

    async def _subscribe(self, key: str, channel: Channel) -> None:
        """Unconfirmed in time: go on, the bus goes on asking."""
        if self._held.get(key) is channel:
            await self._bus.subscribe([key], self._shared.limits.subscribe_timeout_s)
        channel.subscription = None
