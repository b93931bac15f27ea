"""Everybody who is connected and has no session: bounded, since each holds a descriptor that a session may need."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from gateway.live.addresses import Addresses
from gateway.settings import Limits


class Caller(Protocol):
    """A connection that speaks HTTP."""

    def hang_up(self) -> None:
        """End at once, whatever is still to be sent."""
        ...


class CallerStatistics(Struct, frozen=True):
    """Connections ``open`` now without a session; counted since the start, those ended or refused for want of room."""

    open: int
    hung_up: int
    turned_away: int


class Callers:
    """At most so many, no more than sessions leave room for, and no more from one address than it may have sessions.

    Where they run short, whoever has had no request in hand for longest makes room for the next. So those who hold
    connections without using them, or never finish a request, shut nobody out.

    :param addresses: tells proxies of ours, which speak for many.
    :param sessions: how many there are.
    """

    def __init__(self, limits: Limits, addresses: Addresses, sessions: Callable[[], int]) -> None:
        self._limits = limits
        self._addresses = addresses
        self._sessions = sessions
        self._there: dict[Caller, bytes | None] = {}
        self._by_address: dict[bytes, int] = {}
        self._idle: OrderedDict[Caller, None] = OrderedDict()
        self._hung_up = 0
        self._turned_away = 0

    def statistics(self) -> CallerStatistics:
        return CallerStatistics(len(self._there), self._hung_up, self._turned_away)

    def enter(self, caller: Caller, peer: tuple[str, int] | None) -> bool:
        """Whether there is room for ``caller``."""
        address = self._addresses.of_caller(peer)
        is_greedy = address is not None and self._by_address.get(address, 0) >= self._limits.sessions_per_address
        if is_greedy or not self.make_room():
            self._turned_away += 1
            return False
        self._there[caller] = address
        self._idle[caller] = None
        if address is not None:
            self._by_address[address] = self._by_address.get(address, 0) + 1
        return True

    def begin(self, caller: Caller) -> None:
        """It has a request in hand."""
        self._idle.pop(caller, None)

    def rest(self, caller: Caller) -> None:
        """It has none any more."""
        if caller in self._there:
            self._idle[caller] = None

    def leave(self, caller: Caller) -> None:
        """It is gone, or has a session."""
        if caller not in self._there:
            return
        self._idle.pop(caller, None)
        address = self._there.pop(caller)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def make_room(self) -> bool:
        """Whether there is room for one more connection, if only because one was ended for it."""
        limits = self._limits
        if len(self._there) < min(limits.callers, limits.connections - self._sessions()):
            return True
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self._hung_up += 1
        self.leave(longest)
        longest.hang_up()
        return True
