"""The two kinds of Redis pub/sub: that of a server alone, and the sharded one of a cluster."""

from collections.abc import Iterable

from msgspec import Struct

from inbox.bus.redis.link import pack


class Words(Struct, frozen=True):
    """The commands of one kind, and how Redis calls what it answers."""

    publish: str
    subscribe: str
    unsubscribe: str
    message: bytes
    subscribed: bytes
    channels_at_once: bool
    """Whether one command may name several channels. A cluster wants them of the same slot."""

    def ask(self, command: str, channels: Iterable[str]) -> bytes:
        """``command`` for each of ``channels``, packed."""
        if self.channels_at_once:
            return pack(command, *channels)
        return b"".join(pack(command, channel) for channel in channels)


PLAIN = Words("PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE", b"message", b"subscribe", True)
SHARDED = Words("SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE", b"smessage", b"ssubscribe", False)
