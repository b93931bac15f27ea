"""What a node tells Redis of its sessions, under a lease that it goes on renewing.

A lease is good for one undisturbed time. Whatever goes wrong (an answer that does not come, a lease that is gone, too
much to tell), the node takes another and announces all it has under that one: what was told before counts no more, so
nobody has to know how much of it arrived.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, TypeVar

import structlog
from msgspec import Struct
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline
from redis.exceptions import RedisError

from inbox.presence.base import Roster
from inbox.redis_address import Client
from inbox.tasks import end

log = structlog.get_logger()

T = TypeVar("T")
Commands = Pipeline | ClusterPipeline

LEASE = "bw:n:"
SESSIONS = "bw:p:"
FAILURES = (RedisError, OSError, TimeoutError)

_BATCH = 250
_PAUSE_S = 0.1
_RETRY_S = (0.5, 1.5)


class Pace(Struct, frozen=True):
    """How often a node speaks to Redis, and how long Redis believes it.

    ``lease_s``: how long a dead node's sessions still count. ``beat_s``: between renewals of the lease. ``collect_s``:
    joins and leaves of so long go together. ``keep_s``: how long Redis keeps a user's sessions after it was last told
    of them. ``timeout_s``: what takes longer counts as failed. ``changes``: joins and leaves that may wait; with more,
    everything is announced anew.
    """

    lease_s: float
    beat_s: float
    collect_s: float
    keep_s: float
    timeout_s: float
    changes: int


class LeaseLost(Exception):
    """Redis does not know the lease any more, so it may know nothing of this node."""


class Announcer:
    """One node's announcements. One task sends them, in order; nobody else waits for Redis."""

    def __init__(self, client: Client, node: str, pace: Pace) -> None:
        self._client = client
        self._node = node
        self._pace = pace
        self._changes: dict[tuple[str, str], bool] = {}
        self._changed = asyncio.Event()
        self._overflowed = False
        self._lease = ""
        self._due: list[str] = []
        self._share = 1
        self._task: asyncio.Task[None] | None = None
        self.is_degraded = False
        self.announced = 0
        self.dropped = 0
        self.leases = 0
        self.failed = 0

    def start(self, roster: Roster) -> None:
        self.is_degraded = True
        self._task = asyncio.create_task(self._run(roster))

    async def close(self) -> None:
        """Give the lease back: from here on this node's sessions do not count."""
        if self._task is None:
            return
        await end([self._task])
        try:
            async with asyncio.timeout(self._pace.timeout_s):
                await self._client.delete(LEASE + self._lease)
        except FAILURES as failure:
            log.warning("presence_not_withdrawn", reason=repr(failure))

    def note(self, stream: str, session: str, is_here: bool) -> None:
        """Something changed. Returns at once."""
        if self._task is None:
            return
        if len(self._changes) >= self._pace.changes:
            self.dropped += len(self._changes)
            self._changes.clear()
            self._overflowed = True
        self._changes[stream, session] = is_here
        self._changed.set()

    async def _run(self, roster: Roster) -> None:
        while True:
            try:
                await self._hold(roster)
            except LeaseLost:
                log.info("presence_announced_anew", node=self._node)
                await asyncio.sleep(_PAUSE_S)
            except FAILURES as failure:
                await self._rest_after(repr(failure))
            except Exception:
                # Presence that died of a surprise would leave the node's sessions unseen for good.
                log.exception("presence_failed")
                await self._rest_after("unexpected")

    async def _rest_after(self, reason: str) -> None:
        self.failed += 1
        if not self.is_degraded:
            log.warning("presence_degraded", reason=reason)
        self.is_degraded = True
        await asyncio.sleep(random.uniform(*_RETRY_S))

    async def _hold(self, roster: Roster) -> None:
        """Take a lease, announce everything, and then whatever changes: as long as all goes well."""
        await self._take_lease()
        for part in _parts(roster.streams()):
            await self._announce(roster, part)
        self.is_degraded = False
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        while True:
            await self._wait(beat_at)
            if loop.time() >= beat_at:
                beat_at = loop.time() + self._pace.beat_s
                await self._announce(roster, self._next_due(roster))
            await self._flush()

    async def _take_lease(self) -> None:
        # What changes from here on is noted; what changed before, the roster shows.
        self._changes.clear()
        self._overflowed = False
        new = f"{self._node}.{self.leases}"
        self.leases += 1
        taking = self._pipeline()
        taking.set(LEASE + new, "", px=_ms(self._pace.lease_s))
        taking.delete(LEASE + self._lease)
        await self._execute(taking)
        self._lease = new

    async def _wait(self, until: float) -> None:
        """Until something changed, and a little for more to come with it; at most until the next beat."""
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
                await asyncio.sleep(self._pace.collect_s)
        except TimeoutError:
            pass
        self._changed.clear()

    def _next_due(self, roster: Roster) -> Sequence[str]:
        """The streams that are announced again with this beat: each twice in the time for which Redis keeps it."""
        if not self._due:
            self._due = roster.streams()
            self._share = max(1, ceil(len(self._due) * 2 * self._pace.beat_s / self._pace.keep_s))
        part = self._due[-self._share :]
        del self._due[-self._share :]
        return part

    async def _announce(self, roster: Roster, streams: Sequence[str]) -> None:
        telling = self._telling()
        for stream in streams:
            self._add(telling, stream, roster.sessions(stream))
        await self._tell(telling)

    async def _flush(self) -> None:
        if self._overflowed:
            raise LeaseLost
        changes = list(self._changes.items())
        self._changes.clear()
        for part in _parts(changes):
            telling = self._telling()
            for (stream, session), is_here in part:
                if is_here:
                    self._add(telling, stream, [session])
                else:
                    telling.srem(SESSIONS + stream, self._member(session))
            await self._tell(telling)

    def _add(self, telling: Commands, stream: str, sessions: Sequence[str]) -> None:
        if sessions:
            telling.sadd(SESSIONS + stream, *map(self._member, sessions))
            telling.pexpire(SESSIONS + stream, _ms(self._pace.keep_s))
            self.announced += len(sessions)

    def _member(self, session: str) -> str:
        return f"{session} {self._lease}"

    def _telling(self) -> Commands:
        """Whatever is told renews the lease."""
        telling = self._pipeline()
        telling.pexpire(LEASE + self._lease, _ms(self._pace.lease_s))
        return telling

    async def _tell(self, telling: Commands) -> None:
        """:raises LeaseLost: Redis did not know the lease."""
        if not (await self._execute(telling))[0]:
            raise LeaseLost

    async def _execute(self, pipeline: Commands) -> list[Any]:
        async with asyncio.timeout(self._pace.timeout_s):
            replies: list[Any] = await pipeline.execute()
            return replies

    def _pipeline(self) -> Commands:
        return self._client.pipeline(transaction=False)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
