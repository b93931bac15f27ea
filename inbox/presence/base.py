"""The contract of presence: which sessions a user has, on whichever node. A hint, never truth (P6).

``tests/contracts/test_presence.py`` runs over every implementation.
"""

from typing import Protocol

from msgspec import Struct


class LiveSession(Struct, frozen=True):
    """One live connection: the node that holds it, and since when (milliseconds since 1970)."""

    id: str
    node: str
    connected_at: int


class Roster(Protocol):
    """The sessions of this node, as the node itself knows them. Session ids are made by ``inbox.ids.new_id``."""

    def streams(self) -> list[str]:
        """The streams that have sessions here."""
        ...

    def sessions(self, stream: str) -> list[str]:
        """The ids of those of ``stream``."""
        ...


class PresenceStatistics(Struct, frozen=True):
    """Counters since the start, and the state now."""

    announced: int
    """Sessions told to the others, those told again too."""
    dropped: int
    """Users whose joins and leaves were let go because too many waited: everything was announced anew."""
    leases: int
    """Each after the first means that something was lost on the way, and all sessions were announced anew."""
    failed: int
    """Times that what carries presence did not answer."""
    degraded: bool
    """What this node holds is not known to the others."""


class Presence(Protocol):
    """Who is here. Whatever carries it may be wiped, freeze or go away: sessions never notice."""

    async def start(self, roster: Roster | None) -> None:
        """Begin. Without a roster the process holds no sessions and only asks."""
        ...

    async def close(self) -> None:
        """What this node held is gone from the list at once, if anybody can be told."""
        ...

    def changed(self, stream: str) -> None:
        """A session of ``stream`` came to this node, or is about to leave it. Returns at once."""
        ...

    async def sessions(self, stream: str) -> list[LiveSession]:
        """Those of ``stream`` on all nodes, the oldest first.

        :raises Unavailable: that cannot be known now.
        """
        ...

    def statistics(self) -> PresenceStatistics: ...
