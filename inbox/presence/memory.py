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

    async def start(self, roster: Roster | None) -> None:
        self._roster = roster

    async def close(self) -> None:
        self._roster = None

    def changed(self, stream: str) -> None:
        """Nobody to tell: whoever asks looks at the roster."""

    async def sessions(self, stream: str) -> list[LiveSession]:
        ids = () if self._roster is None else self._roster.sessions(stream)
        return [LiveSession(id, self._node, made_at(id)) for id in sorted(ids)]

    def statistics(self) -> PresenceStatistics:
        return PresenceStatistics(announced=0, dropped=0, leases=0, failed=0, degraded=False)
