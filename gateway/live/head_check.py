"""Comparing the streams held here with the store: at once where the bus reports a gap, and all of them periodically."""

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from gateway.live.held_stream import HeldStream
from gateway.live.statistics import Tally
from gateway.live.streams import Streams
from gateway.settings import Limits
from inbox.bus.base import Bus
from inbox.errors import Unavailable
from inbox.model import Head
from inbox.store.base import HEADS_MAX, Store

log = structlog.get_logger()

Behind = list[tuple[HeldStream, Head]]


class HeadCheck:
    """One task a node. It makes the loss of the last entry before a silence known, which no number can."""

    def __init__(self, streams: Streams, store: Store, bus: Bus, limits: Limits, tally: Tally) -> None:
        self._streams = streams
        self._store = store
        self._bus = bus
        self._limits = limits
        self._tally = tally
        self._suspects: set[str] = set()
        self._woken = asyncio.Event()
        self._due = 0.0

    def suspect(self, keys: Iterable[str]) -> None:
        """These may have missed something: look soon."""
        self._suspects.update(keys)
        self._woken.set()

    async def run(self) -> None:
        """Check until cancelled. A store that does not answer is asked again when the next check is due."""
        self._plan()
        while True:
            await self._rest()
            try:
                await self._look()
            except Unavailable as failure:
                log.warning("heads_not_read", reason=str(failure))
            except Exception:
                # A check that died of a surprise would leave losses unseen for good.
                log.exception("head_check_failed")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout_at(self._due):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    def _plan(self) -> None:
        limits = self._limits
        period_s = limits.degraded_head_check_s if self._bus.is_degraded() else limits.head_check_s
        self._due = asyncio.get_running_loop().time() + period_s

    async def _look(self) -> None:
        suspects, self._suspects = self._suspects, set()
        is_due = asyncio.get_running_loop().time() >= self._due
        if is_due:
            self._plan()
        try:
            for held, _ in await self._behind(list(suspects)):
                held.doubt()
        except BaseException:
            self._suspects |= suspects
            raise
        if is_due:
            await self._search()

    async def _search(self) -> None:
        """Look at every stream. What is behind may be on its way: only what still is after a while was lost."""
        behind = await self._behind(self._streams.keys())
        if not behind:
            return
        await asyncio.sleep(self._limits.head_check_grace_s)
        lost = [held for held, head in behind if held.is_behind(head)]
        for held in lost:
            held.doubt()
        self._tally.losses_found += len(lost)
        self._streams.resubscribe(lost)

    async def _behind(self, keys: Sequence[str]) -> Behind:
        behind: Behind = []
        for start in range(0, len(keys), HEADS_MAX):
            batch = self._streams.find(keys[start : start + HEADS_MAX])
            if batch:
                heads = await self._store.heads([held.key for held in batch])
                behind += [(held, head) for held, head in zip(batch, heads, strict=True) if held.is_behind(head)]
        return behind
