"""One timer for all connections of a node: a wheel of slots, an eighth of a second each."""

import asyncio
import time
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger()

TICK_S = 0.125
"""Of 15,000 sessions 75 are pinged in one turn of the loop: others wait a millisecond for it, not eight."""
_SLOTS = 512
_LATE_S = 1.0
_LISTEN_S = 0.1


class Tended(Protocol):
    """Something that is visited from time to time. ``slot`` belongs to the wheel; -1 while not on it."""

    slot: int

    def tend(self, now: float) -> float | None:
        """A visit at monotonic time ``now`` (s). Returns the seconds until the next one, ``None`` for no more."""
        ...


T = TypeVar("T", bound=Tended)


class Wheel(Generic[T]):
    """Visits everything put on it when its time has come, within a tick; nothing is on it twice."""

    def __init__(self) -> None:
        self._slots: list[set[T]] = [set() for _ in range(_SLOTS)]
        self._at = 0

    def everything(self) -> list[T]:
        """All that is on it now."""
        return [tended for slot in self._slots for tended in slot]

    def put(self, tended: T, delay_s: float) -> None:
        """Visit ``tended`` once ``delay_s`` are over, or when the wheel has gone round: it says what is left then."""
        self.remove(tended)
        tended.slot = (self._at + _ticks(delay_s)) % _SLOTS
        self._slots[tended.slot].add(tended)

    def hasten(self, tended: T, delay_s: float) -> None:
        """Visit ``tended`` no later than that."""
        if tended.slot < 0 or _ticks(delay_s) < (tended.slot - self._at) % _SLOTS:
            self.put(tended, delay_s)

    def remove(self, tended: T) -> None:
        if tended.slot >= 0:
            self._slots[tended.slot].discard(tended)
            tended.slot = -1

    def tick(self, now: float) -> None:
        """Go on by one slot and visit those in it."""
        self._at = (self._at + 1) % _SLOTS
        due, self._slots[self._at] = self._slots[self._at], set()
        for tended in due:
            if tended.slot != self._at:
                continue
            tended.slot = -1
            try:
                delay_s = tended.tend(now)
            except Exception:
                # One visit that fails must not stop the clock of everybody else.
                log.exception("visit_failed")
                continue
            if delay_s is not None:
                self.put(tended, delay_s)

    async def run(self) -> None:
        """Tick until cancelled."""
        at = time.monotonic()
        while True:
            at = max(at + TICK_S, time.monotonic())
            await asyncio.sleep(at - time.monotonic())
            if time.monotonic() > at + _LATE_S:
                # We were stopped or busy: hear what has come meanwhile before calling anybody silent.
                await asyncio.sleep(_LISTEN_S)
            self.tick(time.monotonic())


def _ticks(delay_s: float) -> int:
    return max(1, min(_SLOTS - 1, int(delay_s / TICK_S) + 1))
