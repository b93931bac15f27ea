"""The live channels that have sessions on this node."""

from gateway.live import wire
from gateway.live.channel import Channel, Subscriber
from gateway.live.outgoing import Shared
from gateway.live.tasks import Tasks
from inbox.bus.base import Bus


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
