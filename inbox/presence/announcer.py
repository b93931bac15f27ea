"""What a node tells Redis of its sessions, under a lease that it goes on renewing.

A lease is good for one undisturbed time. Whatever goes wrong (an answer that does not come, a lease that is gone, too
much to tell), the node takes another and announces all it has under that one: what was told before counts no more, so
nobody has to know how much of it arrived.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import structlog
from msgspec import Struct
from redis.exceptions import RedisError

from inbox.presence.base import Roster
from inbox.redis_address import Client
from inbox.tasks import end
from inbox.times import now_ms

log = structlog.get_logger()

T = TypeVar("T")

LEASE = "bw:p:"
LEASES = "bw:p"
FAILURES = (RedisError, OSError, TimeoutError)

# With a field that no stream has: a node without sessions has a lease too.
_TAKE = "redis.call('HSET', KEYS[1], '', '') return redis.call('PEXPIRE', KEYS[1], ARGV[1])"
# In one step: what is told under a lease that is gone would stay for ever.
_TELL = """
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 2, #ARGV, 2 do
    if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
    else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1
"""
_BATCH_STREAMS = 500
_PAUSE_S = 0.1
_RETRY_S = (0.5, 1.5)
_FORGOTTEN = 10
"""Leases without a beat for this many times their length are taken out of the list."""


class Pace(Struct, frozen=True):
    """How a node speaks to Redis.

    ``lease_s``: how long a dead node's sessions still count. ``beat_s``: between renewals of the lease. ``collect_s``:
    joins and leaves of so long go together. ``timeout_s``: what takes longer counts as failed. ``changes``: users that
    may wait to be told of; with more, everything is announced anew. ``reads``: lists asked for at once; others wait.
    """

    lease_s: float
    beat_s: float
    collect_s: float
    timeout_s: float
    changes: int
    reads: int


class LeaseLost(Exception):
    """Redis does not know the lease any more, or what it knows is no longer right."""


class Announcer:
    """One node's announcements. One task sends them, in order; nobody else waits for Redis."""

    def __init__(self, client: Client, node: str, pace: Pace) -> None:
        self._client = client
        self._node = node
        self._pace = pace
        self._changes: set[str] = set()
        self._changed = asyncio.Event()
        self._overflowed = False
        self._lease = ""
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
            await self._withdraw(self._lease)
        except FAILURES as failure:
            log.warning("presence_not_withdrawn", reason=repr(failure))

    def note(self, stream: str) -> None:
        """What the roster shows of ``stream`` changes. Returns at once."""
        if self._task is None:
            return
        if len(self._changes) >= self._pace.changes:
            self.dropped += len(self._changes)
            self._changes.clear()
            self._overflowed = True
        self._changes.add(stream)
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
        await self._take_lease(roster)
        self.is_degraded = False
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + self._pace.beat_s
        while True:
            await self._wait(beat_at)
            if loop.time() >= beat_at:
                beat_at = loop.time() + self._pace.beat_s
                await self._tell(roster, ())
                await self._sign()
            await self._flush(roster)

    async def _take_lease(self, roster: Roster) -> None:
        """Readers see the old lease until everything is told under the new one."""
        # What changes from here on is noted; what changed before, the roster shows.
        self._changes.clear()
        self._overflowed = False
        old, self._lease = self._lease, f"{self._node}.{self.leases}"
        self.leases += 1
        await self._eval(_TAKE)
        for part in _parts(roster.streams()):
            await self._tell(roster, part)
        await self._sign()
        await self._withdraw(old)

    async def _wait(self, until: float) -> None:
        """Until something changed, and a little for more to come with it; at most until the next beat."""
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
                await asyncio.sleep(self._pace.collect_s)
        except TimeoutError:
            pass
        self._changed.clear()

    async def _flush(self, roster: Roster) -> None:
        if self._overflowed:
            raise LeaseLost
        changes, self._changes = self._changes, set()
        for part in _parts(list(changes)):
            await self._tell(roster, part)

    async def _tell(self, roster: Roster, streams: Sequence[str]) -> None:
        """Say which sessions each of ``streams`` has here now, and renew the lease.

        :raises LeaseLost: Redis did not know it.
        """
        told: list[str] = []
        for stream in streams:
            sessions = roster.sessions(stream)
            self.announced += len(sessions)
            told += (stream, " ".join(sessions))
        if not await self._eval(_TELL, *told):
            raise LeaseLost

    async def _sign(self) -> None:
        """Stand in the list of leases."""
        now, lease_ms = now_ms(), _ms(self._pace.lease_s)
        signing = self._client.pipeline(transaction=False)
        signing.zadd(LEASES, {self._lease: now})
        signing.zremrangebyscore(LEASES, "-inf", now - _FORGOTTEN * lease_ms)
        signing.pexpire(LEASES, 2 * _FORGOTTEN * lease_ms)
        async with asyncio.timeout(self._pace.timeout_s):
            await signing.execute()

    async def _withdraw(self, lease: str) -> None:
        async with asyncio.timeout(self._pace.timeout_s):
            await self._client.zrem(LEASES, lease)
            await self._client.unlink(LEASE + lease)

    async def _eval(self, script: str, *told: str) -> Any:
        lease_ms = str(_ms(self._pace.lease_s))
        async with asyncio.timeout(self._pace.timeout_s):
            return await self._client.eval(script, 1, LEASE + self._lease, lease_ms, *told)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _BATCH_STREAMS] for start in range(0, len(items), _BATCH_STREAMS))


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
