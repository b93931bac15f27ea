"""Presence through Redis: a set of sessions for each user, and a lease for each node. A session counts while it holds.

::

    bw:n:<node>.<n>   the lease: a key that Redis drops unless the node goes on renewing it
    bw:p:<stream>     the user's sessions: "<session> <node>.<n>" each
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import cast

from inbox.errors import Unavailable
from inbox.ids import made_at
from inbox.presence.announcer import FAILURES, LEASE, SESSIONS, Announcer, Pace
from inbox.presence.base import LiveSession, PresenceStatistics, Roster
from inbox.redis_address import address_of

_MEMBER = re.compile(r"([0-9a-z]{26}) ((\S+)\.[0-9]+)\Z")


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
        self._unread = 0

    async def start(self, roster: Roster | None) -> None:
        if roster is not None:
            self._announcer.start(roster)

    async def close(self) -> None:
        await self._announcer.close()
        await self._client.aclose()
        await self._address.close()

    def joined(self, stream: str, session: str) -> None:
        self._announcer.note(stream, session, True)

    def left(self, stream: str, session: str) -> None:
        self._announcer.note(stream, session, False)

    async def sessions(self, stream: str) -> list[LiveSession]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._read(SESSIONS + stream)
        except FAILURES as failure:
            self._unread += 1
            raise Unavailable("sessions cannot be listed now: Redis does not answer") from failure

    def statistics(self) -> PresenceStatistics:
        told = self._announcer
        failed = told.failed + self._unread
        return PresenceStatistics(told.announced, told.dropped, told.leases, failed, told.is_degraded)

    async def _read(self, key: str) -> list[LiveSession]:
        """Those whose node holds its lease. The others are taken out: nobody will come back under an old lease."""
        members = await cast("Awaitable[set[bytes]]", self._client.smembers(key))
        known = [found for member in members if (found := _MEMBER.match(member.decode(errors="replace")))]
        leases = list({found[2] for found in known})
        asking = self._client.pipeline(transaction=False)
        for lease in leases:
            asking.exists(LEASE + lease)
        held = {lease for lease, is_held in zip(leases, await asking.execute(), strict=True) if is_held}
        if gone := [found[0] for found in known if found[2] not in held]:
            await self._client.srem(key, *gone)
        # While a node changes its lease, a session may be there under both.
        nodes = {found[1]: found[3] for found in known if found[2] in held}
        return [LiveSession(id, node, made_at(id)) for id, node in sorted(nodes.items())]
