"""How long the event loop of a process stands still, and what the garbage collector has to do with it.

While the loop stands still everybody waits, so this is the number to watch on a node. The collector looks at the young
in small portions. What lives long is looked at only while there is little of it: all at once it would stop the loop for
a tenth of a second, and find nothing, since no connection leaves a cycle behind.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

LOOK_S = 0.02
LONG_S = 0.05
_WINDOW_S = 30.0
_COLLECT_S = 60.0
_YOUNG = 500
_MIDDLE = 2
_NEVER = 1_000_000_000


class PauseStatistics(Struct, frozen=True):
    """Since the start, and the longest of the last minute."""

    long_pauses: int
    """Times the loop stood still for over 50 ms."""
    longest_pause_s: float
    collecting_s: float
    """Spent in the garbage collector."""
    longest_collection_s: float


class _Longest:
    """The longest of the last 30 to 60 seconds."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._since = 0.0

    def add(self, took_s: float, now: float) -> None:
        if now - self._since > _WINDOW_S:
            self._before = self._now if now - self._since < 2 * _WINDOW_S else 0.0
            self._now, self._since = 0.0, now
        self._now = max(self._now, took_s)

    def get(self, now: float) -> float:
        self.add(0.0, now)
        return max(self._now, self._before)


class Pauses:
    """Watches the loop of this process, ``run`` as a task.

    :param is_quiet: whether there is so little that a full collection takes no time worth mentioning.
    """

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        self._is_quiet = is_quiet
        self._collected_at = time.monotonic()
        self._long = 0
        self._collecting_s = 0.0
        self._collection_began = 0.0
        self._pause = _Longest()
        self._collection = _Longest()

    def statistics(self) -> PauseStatistics:
        now = time.monotonic()
        return PauseStatistics(self._long, self._pause.get(now), self._collecting_s, self._collection.get(now))

    async def run(self) -> None:
        """Watch until cancelled."""
        gc.callbacks.append(self._on_collection)
        try:
            while True:
                due = time.monotonic() + LOOK_S
                await asyncio.sleep(LOOK_S)
                self._note(due)
        finally:
            gc.callbacks.remove(self._on_collection)

    def _note(self, due: float) -> None:
        now = time.monotonic()
        self._pause.add(now - due, now)
        self._long += now - due > LONG_S
        if now - self._collected_at > _COLLECT_S and self._is_quiet():
            self._collected_at = now
            gc.collect()

    def _on_collection(self, phase: str, about: dict[str, Any]) -> None:
        now = time.monotonic()
        if phase == "start":
            self._collection_began = now
            return
        took_s = now - self._collection_began
        self._collecting_s += took_s
        self._collection.add(took_s, now)


def tune_collector() -> None:
    """Once, when everything that lives as long as the process is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
