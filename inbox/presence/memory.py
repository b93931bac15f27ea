"""Presence inside one process: its own sessions are all there are."""

from inbox.ids import made_at
from inbox.presence.base import LiveSession, PresenceStatistics, Roster


class MemoryPresence:
    """For ``bellwire serve`` alone.

    :param node: the name of this process.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._roster: Roster | None = None
        self._announced = 0

    async def start(self, roster: Roster | None) -> None:
        self._roster = roster

    async def close(self) -> None:
        self._roster = None

    def joined(self, stream: str, session: str) -> None:
        self._announced += 1

    def left(self, stream: str, session: str) -> None:
        """Nothing to tell: whoever asks looks at the roster."""

    async def sessions(self, stream: str) -> list[LiveSession]:
        ids = () if self._roster is None else self._roster.sessions(stream)
        return [LiveSession(id, self._node, made_at(id)) for id in sorted(ids)]

    def statistics(self) -> PresenceStatistics:
        return PresenceStatistics(self._announced, dropped=0, leases=1, failed=0, degraded=False)
