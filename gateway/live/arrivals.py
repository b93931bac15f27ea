"""Who may come in now, and when the others should: a node never takes in faster than it can welcome."""

import asyncio
import time
from collections.abc import Callable

from gateway.live.codes import CloseCode
from gateway.live.statistics import Tally
from gateway.settings import Limits

_MEASURE_S = 1.0
_SMOOTHING = 0.3
_BEHIND = 256
_ENOUGH = 50
"""Welcomes in a second that say something about how many there could be."""


class Arrivals:
    """Bounds the sessions of a node, those of one address, and those that wait for their welcome.

    How many sessions a second the node welcomes is measured while it has to: welcomes of a second, by the time it
    worked in that second; the whole second if somebody always waited. Whoever is turned away gets a slot of his own
    at that rate.

    :param limits: ``welcomes_per_s`` is the rate until it is measured.
    :param worked_s: the processor time (s) this thread has used.
    """

    def __init__(self, limits: Limits, tally: Tally, worked_s: Callable[[], float] = time.thread_time) -> None:
        self._limits = limits
        self._tally = tally
        self._worked_s = worked_s
        self._by_address: dict[bytes, int] = {}
        self._next_slot = 0.0
        self._measured_at = 0.0
        self._worked_before_s = 0.0
        self._welcomed_before = 0
        self._always_waited = False
        self._waiting = 0
        self._is_closed = False

    # The door

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_closed = True

    def refusal(self, address: bytes, now: float) -> tuple[str, float] | None:
        """Why one more from ``address`` cannot come in, and after how many seconds it should try again."""
        tally = self._tally
        if self._is_closed:
            why, wait_s = "the server is going away", self.next_slot_s(now)
        elif tally.sessions >= self._limits.sessions_per_node:
            why, wait_s = "this node holds all the sessions it may", self._limits.full_retry_s
        elif self._by_address.get(address, 0) >= self._limits.sessions_per_address:
            why, wait_s = "your address has all the sessions it may have", self._limits.full_retry_s
        elif self.is_crowded():
            why, wait_s = "too many arrive at once", self.next_slot_s(now)
        else:
            return None
        tally.turned_away += 1
        return why, wait_s

    @property
    def sessions(self) -> int:
        return self._tally.sessions

    def enter(self, address: bytes) -> None:
        self._tally.sessions += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def leave(self, address: bytes) -> None:
        self._tally.sessions -= 1
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]

    # The welcome

    def begin(self) -> None:
        """A session said hello: it waits for its welcome."""
        self._waiting += 1

    def end(self) -> None:
        """It waits no more."""
        self._waiting -= 1
        self._always_waited = self._always_waited and self._waiting > 0

    def is_crowded(self) -> bool:
        """Whether one more would wait longer than it should."""
        return self._waiting >= self._tally.welcomes_per_s * self._limits.welcome_wait_s

    def is_behind(self) -> bool:
        """Whether enough wait to keep the node busy for a while: more should not be let in faster."""
        return self._waiting >= _BEHIND

    def next_slot_s(self, now: float) -> float:
        """Seconds until there is room for one who is turned away now; each gets another slot.

        After the last slot the first are given again: anybody may be turned away a million times.
        """
        first, slot_s = now + self._limits.return_after_s, 1 / self._tally.welcomes_per_s
        slot = max(self._next_slot, first) + slot_s
        self._next_slot = slot if slot <= now + self._limits.slots_s else first + slot_s
        return self._next_slot - now

    def pause_s(self, code: CloseCode) -> tuple[float, float]:
        """When somebody who is sent away should come back: after so many seconds, and a random part of so many more.

        All who are here come back when a node ends, to others like this one. Who could not be welcomed has a slot.
        """
        after_s, spread_s = self._limits.return_after_s, self._limits.return_spread_s
        if code is CloseCode.DRAIN:
            spread_s = max(spread_s, self._tally.sessions / self._tally.welcomes_per_s)
        elif code is CloseCode.CANNOT_VERIFY:
            after_s = self.next_slot_s(time.monotonic())
        return after_s, spread_s

    # The measurement

    def measure(self, now: float) -> None:
        """Take the measure of the time since the last call, about a second."""
        welcomed = self._tally.resumed + self._tally.snapshots
        worked_s = self._worked_s()
        if self._measured_at > 0 and welcomed - self._welcomed_before >= _ENOUGH:
            busy_s = now - self._measured_at if self._always_waited else worked_s - self._worked_before_s
            rate = (welcomed - self._welcomed_before) / max(busy_s, 0.001)
            self._tally.welcomes_per_s += _SMOOTHING * (rate - self._tally.welcomes_per_s)
        self._measured_at, self._worked_before_s, self._welcomed_before = now, worked_s, welcomed
        self._always_waited = self._waiting > 0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self.measure(time.monotonic())
            await asyncio.sleep(_MEASURE_S)
