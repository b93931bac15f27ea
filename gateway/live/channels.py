"""The live channels that have sessions on this node, and the signals that come for them. Best effort by design."""

import asyncio
from collections.abc import Iterator
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

    Signals go round the sessions as on a carousel, a portion in each turn of the loop: whoever they come to is given
    all that it has not had, in one write. So no signal waits for the round of another to end, nobody else waits for
    a round, and sessions come and go meanwhile.

    ``members`` says how many signals each was given, or was too early for.
    """

    __slots__ = (
        "_added",
        "_bytes",
        "_frames",
        "_is_planned",
        "_round",
        "_round_began",
        "_shared",
        "members",
        "subscription",
    )

    def __init__(self, shared: Shared) -> None:
        self.members: dict[Subscriber, int] = {}
        self.subscription: asyncio.Task[None] | None = None
        self._shared = shared
        self._added = 0
        # The newest, as many as somebody may lack.
        self._frames: list[bytes] = []
        self._bytes = 0
        self._round: Iterator[Subscriber] = iter(())
        # What ``_added`` was then: at the end of the round nobody lacks anything older.
        self._round_began = 0
        self._is_planned = False

    def enter(self, member: Subscriber) -> None:
        """Give ``member`` what comes from now on. It does no harm if it is in already."""
        self.members.setdefault(member, self._added)

    def leave(self, member: Subscriber) -> None:
        """Give ``member`` nothing more."""
        del self.members[member]

    def add(self, frame: bytes) -> None:
        """One more signal. At most ``write_soft_bytes`` of them are on their way at once."""
        if self._bytes + len(frame) > self._shared.limits.write_soft_bytes:
            self.finish()
        self._frames.append(frame)
        self._bytes += len(frame)
        self._added += 1
        if len(self._frames) == 1:
            self._begin_round()
        self._plan()

    def flush(self) -> None:
        """Go on with a portion of the round; the next is for the next turn."""
        self._is_planned = False
        self._go_on(PORTION)
        self._plan()

    def finish(self) -> None:
        """Give everybody what is on its way."""
        while self._frames:
            self._go_on(len(self.members) + 1)

    def _plan(self) -> None:
        if self._frames and not self._is_planned:
            self._is_planned = True
            self._shared.outbox.add(self)

    def _begin_round(self) -> None:
        """For what came since the last one began, if anything did."""
        lacking = self._added - self._round_began
        self._frames = self._frames[len(self._frames) - lacking :]
        self._bytes = sum(map(len, self._frames))
        self._round_began = self._added
        self._round = iter(list(self.members) if lacking else ())

    def _go_on(self, most: int) -> None:
        """Give the next ``most`` in the round what they lack."""
        members, added = self.members, self._added
        left, last, together = most, added, b""
        given = lost = 0
        while left and self._frames:
            for member in self._round:
                had = members.get(member, added)
                if had == added:
                    continue
                if had != last:
                    together, last = b"".join(self._frames[had - added :]), had
                members[member] = added
                given += added - had
                if not member.offer(together):
                    lost += added - had
                left -= 1
                if not left:
                    break
            else:
                self._begin_round()
        self._shared.tally.signals_sent += given - lost
        self._shared.tally.signals_lost += lost


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
