"""The bus through Redis Cluster: sharded pub/sub, each stream at the primary that owns its channel's slot."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any

import structlog
from msgspec.structs import astuple, replace
from redis.exceptions import RedisError

from inbox.bus.base import BusStatistics, Listener
from inbox.bus.redis.bus import RedisBus, cancel, reason_of
from inbox.bus.redis.slots import NOBODY, Owners, name_at, read_owners, slot_of
from inbox.bus.redis.words import SHARDED
from inbox.ids import new_token
from inbox.redis_address import Address, ClusterAddress

log = structlog.get_logger()

_READ_EVERY_S = 30.0
# The nodes of a cluster need a moment to agree, and one in trouble must not make us ask without a pause.
_READ_PAUSE_S = 0.25
# Of one node, so that a frozen one leaves time to ask the next.
_READ_TIMEOUT_S = 1.0


class ClusterBus:
    """A ``RedisBus`` for each primary, called shard here, and the owners of the slots: read again every 30 s, and
    when a shard is in doubt.

    A stream that moves is wanted at its new primary, and owed a gap. Frames for a slot that nobody is known to own
    are dropped and counted; the bounds of the queue hold for each primary.

    :param url: see ``ClusterAddress``.
    :param key: see ``RedisBus``.
    :param shard: makes the shards.
    :raises ConfigError: ``url`` is not an address of Redis Cluster.
    """

    def __init__(self, url: str, key: bytes, shard: Callable[..., RedisBus] = RedisBus) -> None:
        self._address = ClusterAddress(url)
        self._key = key
        self._make = shard
        self._token = new_token()
        self._listener: Listener | None = None
        self._wanted: dict[str, int] = {}  # with the slot of each
        self._owners: Owners = NOBODY
        self._shards: dict[str, RedisBus] = {}
        self._by_slot: list[RedisBus | None] = [None] * len(NOBODY)
        self._moved: asyncio.Future[None] | None = None
        self._stale = asyncio.Event()
        self._reason = ""
        self._retired: list[RedisBus] = []
        self._past = BusStatistics(0, 0, 0, 0, 0, 0, 0, False)
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: Listener | None) -> None:
        self._listener = listener
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            await cancel(self._task)
        await asyncio.gather(*(shard.close() for shard in self._all()))

    def wants(self, stream: str) -> bool:
        """Always: who listens is known to Redis only."""
        return True

    def publish(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        shard = self._by_slot[slot_of(stream)]
        if shard is not None:
            shard.publish(stream, seq, epoch, frame)
        else:
            self._past = replace(self._past, dropped=self._past.dropped + 1)

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        self._wanted.update((stream, slot_of(stream)) for stream in streams)
        try:
            async with asyncio.timeout(timeout_s):
                while answers := self._missing(streams):
                    await asyncio.wait(answers)
        except TimeoutError:
            pass
        finally:
            groups = self._by_shard(streams)
            late = [stream for shard, own in groups for stream in shard.subscriber.owe_late(own)]
        return not late and sum(len(own) for _, own in groups) == len(streams)

    def unsubscribe(self, streams: Collection[str]) -> None:
        for shard, own in self._by_shard(streams):
            shard.unsubscribe(own)
        for stream in streams:
            self._wanted.pop(stream, None)

    def resubscribe(self, streams: Collection[str]) -> None:
        for shard, own in self._by_shard(streams):
            shard.resubscribe(own)

    def is_degraded(self) -> bool:
        """True while a primary is not heard that owns a wanted stream, or the owner of one is not known."""
        held = [(len(shard.subscriber.wanted), shard.is_degraded()) for shard in self._shards.values()]
        homeless = len(self._wanted) > sum(count for count, _ in held)
        return not held or homeless or any(count and degraded for count, degraded in held)

    def statistics(self) -> BusStatistics:
        total = _sum(self._past, *(shard.statistics() for shard in self._all()))
        return replace(total, subscriptions=len(self._wanted), degraded=self.is_degraded())

    async def _run(self) -> None:
        while True:
            self._stale.clear()
            try:
                await self._settle(await self._read())
                self._reason = ""
            except Exception as error:
                # Whatever a cluster answers, the shards that are there go on.
                self._complain(reason_of(error))
                self._stale.set()
            await asyncio.sleep(_READ_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if None in self._owners else _READ_EVERY_S):
                    await self._stale.wait()

    async def _read(self) -> Owners:
        """Ask one node after the other until one knows the owner of every slot; else who knows most is believed.

        :raises ConnectionError: none answered.
        """
        partial: list[Owners] = []
        reasons: set[str] = set()
        for node in [*random.sample([*self._shards], len(self._shards)), *self._address.nodes]:
            try:
                owners = await read_owners(Address(self._address.url(node)).connection(), node, _READ_TIMEOUT_S)
            except (RedisError, OSError, TimeoutError, ValueError, TypeError) as error:
                reasons.add(reason_of(error))
                continue
            if None not in owners:
                return owners
            partial.append(owners)
        if partial:
            return min(partial, key=lambda owners: owners.count(None))
        raise ConnectionError(f"no node tells who owns the slots: {min(reasons)}")

    async def _settle(self, owners: Owners) -> None:
        """Have a shard for each primary, and each wanted stream at the shard of its owner."""
        if owners != self._owners:
            shards = {node: self._keep(node, owners) for node in set(owners) if node is not None}
            new = [shard for node, shard in shards.items() if self._shards.get(node) is not shard]
            self._retired = [shard for node, shard in self._shards.items() if shards.get(node) is not shard]
            self._owners, self._shards = owners, shards
            self._move([None if node is None else shards[node] for node in owners])
            for shard in new:
                await shard.start(self._listener)
            while self._retired:
                await self._retired[-1].close()
                self._past = _sum(self._past, self._retired.pop().statistics())
        for shard in self._shards.values():
            shard.subscriber.ask_again()

    def _keep(self, node: str, owners: Owners) -> RedisBus:
        """The shard that ``node`` has, as long as it can hear itself there; else a new one."""
        shard = self._shards.get(node)
        if shard is not None and owners[slot_of(shard.own)] == node:
            return shard
        own = name_at(node, owners, self._token)
        return self._make(self._address.url(node), self._key, words=SHARDED, own=own, doubt=self._stale.set)

    def _move(self, by_slot: list[RedisBus | None]) -> None:
        """Take ``by_slot`` for the shards from now on."""
        moved = [stream for stream, slot in self._wanted.items() if by_slot[slot] is not self._by_slot[slot]]
        for shard, own in self._by_shard(moved):
            shard.unsubscribe(own)
        self._by_slot = by_slot
        if self._moved is not None:
            self._moved.set_result(None)
            self._moved = None
        for shard, own in self._by_shard(moved):
            shard.subscriber.want(own)
            shard.subscriber.owe_late(own)

    def _missing(self, streams: Collection[str]) -> list[asyncio.Future[None]]:
        """Want ``streams`` of their owners. What to wait for before looking again; nothing: they are confirmed."""
        answers = [answer for shard, own in self._by_shard(streams) for answer in shard.subscriber.want(own)]
        slots = [self._wanted[stream] for stream in streams if stream in self._wanted]
        if any(self._by_slot[slot] is None for slot in slots):
            self._moved = self._moved or asyncio.get_running_loop().create_future()
            answers.append(self._moved)
        return answers

    def _all(self) -> list[RedisBus]:
        return [*self._shards.values(), *self._retired]

    def _by_shard(self, streams: Iterable[str]) -> list[tuple[RedisBus, list[str]]]:
        """Those of ``streams`` that are wanted and have a shard, by shard."""
        groups: defaultdict[RedisBus, list[str]] = defaultdict(list)
        for stream in streams:
            slot = self._wanted.get(stream)
            shard = None if slot is None else self._by_slot[slot]
            if shard is not None:
                groups[shard].append(stream)
        return list(groups.items())

    def _complain(self, reason: str) -> None:
        if reason != self._reason:
            log.warning("bus_owners_unknown", reason=reason)
        self._reason = reason


def _sum(*counted: BusStatistics) -> BusStatistics:
    totals: list[Any] = [sum(column) for column in zip(*map(astuple, counted), strict=True)]
    return BusStatistics(*totals)
