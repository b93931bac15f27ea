"""A node that is nothing but its sessions, and a look at the list."""

from collections import defaultdict

from inbox.errors import Unavailable
from inbox.ids import new_id
from inbox.presence.announcer import Pace
from inbox.presence.base import Presence
from tests.waiting import until

QUICK = Pace(lease_s=1.0, beat_s=0.2, collect_s=0.01, timeout_s=0.5, changes=10_000, reads=16)


class Node:
    """A node with sessions, and how it tells of them."""

    def __init__(self, presence: Presence, name: str) -> None:
        self.presence = presence
        self.name = name
        self._held: defaultdict[str, list[str]] = defaultdict(list)

    def streams(self) -> list[str]:
        return list(self._held)

    def sessions(self, stream: str) -> list[str]:
        return self._held[stream]

    def open(self, stream: str) -> str:
        session = new_id()
        self._held[stream].append(session)
        self.presence.changed(stream)
        return session

    def close(self, stream: str, session: str) -> None:
        self._held[stream].remove(session)
        self.presence.changed(stream)


async def ids(presence: Presence, stream: str) -> list[str]:
    return [each.id for each in await presence.sessions(stream)]


async def lists(presence: Presence, stream: str, *wanted: str, timeout_s: float = 10.0) -> None:
    """Wait until these are the sessions of ``stream``."""

    async def is_so() -> bool:
        try:
            return await ids(presence, stream) == sorted(wanted)
        except Unavailable:
            return False

    await until(is_so, timeout_s)
