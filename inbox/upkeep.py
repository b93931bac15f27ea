"""What every process does on the side: sweep, trim, say that it is alive; and the work that is due."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType

import structlog
from msgspec import Struct

from inbox.errors import Unavailable
from inbox.ids import new_token
from inbox.registered import Process
from inbox.store.base import Store
from inbox.tasks import end
from inbox.times import now_ms

log = structlog.get_logger()

SWEEP_S = 1.0
TRIM_S = 30.0
BEAT_S = 10.0
WORK_S = 0.25


class UpkeepStatistics(Struct, frozen=True):
    """Since the start: entries ``swept`` and ``trimmed``, looks for work that is due, and rounds that failed."""

    swept: int
    trimmed: int
    looked: int
    failed: int


class Upkeep:
    """Runs the store's upkeep in the background of a process, ``async with`` for as long as it lives.

    ``process`` is its heartbeat row.

    :param role: the process's role. Every role but ``gateway`` does the work that is due.
    :param keep_entries: log entries a stream keeps at least.
    :param keep_s: seconds an entry is kept at least.
    """

    def __init__(self, store: Store, role: str, *, keep_entries: int, keep_s: float) -> None:
        self._store = store
        self._keep_entries = keep_entries
        self._keep_s = keep_s
        self.process = Process(new_token(), role, socket.gethostname(), now_ms(), now_ms(), os.getpid())
        self._works = role != "gateway"
        self._tasks: list[asyncio.Task[None]] = []
        self._nudged = asyncio.Event()
        self._swept = 0
        self._trimmed = 0
        self._looked = 0
        self._failed = 0

    def nudge(self) -> None:
        """Something may be due now: look at once."""
        self._nudged.set()

    def statistics(self) -> UpkeepStatistics:
        return UpkeepStatistics(self._swept, self._trimmed, self._looked, self._failed)

    async def __aenter__(self) -> "Upkeep":
        rounds: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("beat", BEAT_S, self._beat),
            ("sweep", SWEEP_S, self._sweep),
            ("trim", min(TRIM_S, max(SWEEP_S, self._keep_s / 2)), self._trim),
        ]
        self._tasks = [asyncio.create_task(self._repeat(name, every_s, once)) for name, every_s, once in rounds]
        if self._works:
            self._tasks.append(asyncio.create_task(self._work()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(self._tasks)
        try:
            await self._store.leave(self.process.id)
        except Unavailable:
            log.warning("leave_failed", process=self.process.id)

    async def _beat(self) -> None:
        await self._store.beat(self.process)

    async def _sweep(self) -> None:
        self._swept += await self._store.sweep()

    async def _trim(self) -> None:
        while dropped := await self._store.trim(self._keep_entries, self._keep_s):
            self._trimmed += dropped

    async def _work(self) -> None:
        """Do what is due; then look again when more is, when nudged, or after ``WORK_S``: others write work too."""
        while True:
            pause_s = SWEEP_S
            async with self._guard("work"):
                self._nudged.clear()
                known_s = await self._store.work()
                self._looked += 1
                pause_s = WORK_S if known_s is None else min(known_s, WORK_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._nudged.wait()

    async def _repeat(self, name: str, every_s: float, once: Callable[[], Awaitable[None]]) -> None:
        """Call ``once`` about every ``every_s``, jittered so that processes started together drift apart."""
        while True:
            async with self._guard(name):
                await once()
            await asyncio.sleep(every_s * random.uniform(0.75, 1.25))

    @asynccontextmanager
    async def _guard(self, what: str) -> AsyncIterator[None]:
        """Whatever fails is logged and counted. An upkeep task that died in silence would leave things lie for ever."""
        try:
            yield
        except Unavailable as error:
            self._failed += 1
            log.warning("upkeep_postponed", what=what, reason=str(error))
        except Exception:
            self._failed += 1
            log.exception("upkeep_failed", what=what)
