"""Presence through Redis: each node tells what it holds in one hash, which Redis drops unless the node renews it.

::

    bw:p:<node>.<n>   the lease, and all there is under it: stream -> the ids of its sessions, with spaces between
    bw:p              the leases, by the time of their last beat

So a dead node's sessions go all at once, a batch of changes is one command whatever its size, and who asks for a user
asks once for each node.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import cast

from inbox.errors import Unavailable
from inbox.ids import made_at
from inbox.presence.announcer import FAILURES, LEASE, LEASES, Announcer, Pace
from inbox.presence.base import LiveSession, PresenceStatistics, Roster
from inbox.redis_address import address_of

_SESSION = re.compile(rb"[0-9a-hjkmnp-tv-z]{26}")


class RedisPresence:
    """A node's announcements, and the way to read those of all nodes.

    :param url: see ``inbox.redis_address``.
    :param node: the name of this process, unlike that of any other.
    :raises ConfigError: ``url`` is not an address of Redis.
    """

    def __init__(self, url: str, node: str, pace: Pace) -> None:
        self._timeout_s = pace.timeout_s
        self._address = address_of(url, pace.timeout_s)
        self._client = self._address.client()
        self._announcer = Announcer(self._client, node, pace)
        # Whoever asks must leave connections to who announces.
        self._turns = asyncio.Semaphore(pace.reads)
        self._unread = 0

    async def start(self, roster: Roster | None) -> None:
        if roster is not None:
            self._announcer.start(roster)

    async def close(self) -> None:
        await self._announcer.close()
        await self._client.aclose()
        await self._address.close()

    def changed(self, stream: str) -> None:
        self._announcer.note(stream)

    async def sessions(self, stream: str) -> list[LiveSession]:
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await self._read(stream)
        except FAILURES as failure:
            self._unread += 1
            raise Unavailable("sessions cannot be listed now: Redis does not answer") from failure

    def statistics(self) -> PresenceStatistics:
        told = self._announcer
        failed = told.failed + self._unread
        return PresenceStatistics(told.announced, told.dropped, told.leases, failed, told.is_degraded)

    async def _read(self, stream: str) -> list[LiveSession]:
        leases = await cast("Awaitable[list[bytes]]", self._client.zrange(LEASES, 0, -1))
        asking = self._client.pipeline(transaction=False)
        for lease in leases:
            asking.hget(LEASE.encode() + lease, stream)
        found: dict[str, LiveSession] = {}
        for lease, told in zip(leases, await asking.execute(), strict=True):
            node = lease.rpartition(b".")[0].decode(errors="replace")
            # While a node changes its lease, a session may be there under both.
            for id in _SESSION.findall(told or b""):
                session = id.decode()
                found[session] = LiveSession(session, node, made_at(session))
        return [found[id] for id in sorted(found)]
