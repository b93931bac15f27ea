"""What every process does on the side: sweep, trim, and say that it is alive."""

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable
from types import TracebackType

import structlog

from inbox.errors import Unavailable
from inbox.ids import new_token
from inbox.model import Process
from inbox.store.base import Store
from inbox.times import now_ms

log = structlog.get_logger()

SWEEP_S = 1.0
TRIM_S = 30.0
BEAT_S = 10.0


class Upkeep:
    """Runs the store's upkeep in the background of a process, ``async with`` for as long as it lives.

    :param role: the process's role, for its heartbeat row.
    :param keep_entries: log entries a stream keeps at least.
    :param keep_s: seconds an entry is kept at least.
    """

    def __init__(self, store: Store, role: str, *, keep_entries: int, keep_s: float) -> None:
        self._store = store
        self._keep_entries = keep_entries
        self._keep_s = keep_s
        self._process = Process(new_token(), role, socket.gethostname(), now_ms(), now_ms(), os.getpid())
        self._tasks: list[asyncio.Task[None]] = []
        self.swept = 0
        self.trimmed = 0

    async def __aenter__(self) -> "Upkeep":
        rounds: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("beat", BEAT_S, self._beat),
            ("sweep", SWEEP_S, self._sweep),
            ("trim", min(TRIM_S, max(SWEEP_S, self._keep_s / 2)), self._trim),
        ]
        self._tasks = [asyncio.create_task(_repeat(name, every_s, once)) for name, every_s, once in rounds]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._store.leave(self._process.id)
        except Unavailable:
            log.warning("leave_failed", process=self._process.id)

    async def _beat(self) -> None:
        await self._store.beat(self._process)

    async def _sweep(self) -> None:
        self.swept += await self._store.sweep()

    async def _trim(self) -> None:
        while dropped := await self._store.trim(self._keep_entries, self._keep_s):
            self.trimmed += dropped


async def _repeat(name: str, every_s: float, once: Callable[[], Awaitable[None]]) -> None:
    """Call ``once`` about every ``every_s``, jittered so that processes started together drift apart."""
    while True:
        try:
            await once()
        except Unavailable as error:
            log.warning("upkeep_postponed", what=name, reason=str(error))
        except Exception:
            # An upkeep task that died in silence would let dead writers' entries lie for ever.
            log.exception("upkeep_failed", what=name)
        await asyncio.sleep(every_s * random.uniform(0.75, 1.25))
