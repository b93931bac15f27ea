"""What one backend client may ask of one process: so many requests a second, and so many at once."""

import math
from collections import Counter

from cachetools import LRUCache
from msgspec import Struct

from gateway.rate import Rate
from gateway.settings import LIMITS
from inbox.errors import RateLimited
from inbox.times import monotonic_s


class LimitStatistics(Struct, frozen=True):
    """Requests refused since the start: beyond a client's rate, and beyond what it may have in hand at once."""

    over_rate: int
    over_concurrency: int


class ClientLimits:
    """A token bucket and a count for each client seen of late: no timer, no task.

    A client that was forgotten for others begins with a full bucket.
    """

    def __init__(self, rate: Rate, concurrent: int) -> None:
        self._rate = rate
        self._concurrent = concurrent
        self._due: LRUCache[str, float] = LRUCache(LIMITS.clients_remembered)
        self.in_hand: Counter[str] = Counter()
        self._over_rate = 0
        self._over_concurrency = 0
        self._policy = b'"client";q=%d;w=%d' % (rate.burst, math.ceil(rate.burst / rate.per_s))

    def statistics(self) -> LimitStatistics:
        return LimitStatistics(self._over_rate, self._over_concurrency)

    def enter(self, client: str) -> None:
        """Count a request of ``client``; ``leave`` when it ends.

        :raises RateLimited: one too many. It is not counted.
        """
        if self.in_hand[client] >= self._concurrent:
            self._over_concurrency += 1
            raise RateLimited(f"expected at most {self._concurrent} requests of one client at once", 1.0)
        now = monotonic_s()
        due = self._due.get(client, 0.0)
        charged = self._rate.charge(due, now)
        if charged is None:
            self._over_rate += 1
            raise RateLimited(
                f"expected at most {self._rate.per_s:g} requests a second, {self._rate.burst} at once",
                self._rate.wait_s(due, now),
            )
        self._due[client] = charged
        self.in_hand[client] += 1

    def leave(self, client: str) -> None:
        self.in_hand[client] -= 1
        if self.in_hand[client] <= 0:
            del self.in_hand[client]

    def headers(self, client: str) -> list[tuple[bytes, bytes]]:
        """Where ``client`` stands (draft-ietf-httpapi-ratelimit-headers-10): what is left, and when all is again."""
        now = monotonic_s()
        due = self._due.get(client, 0.0)
        state = b'"client";r=%d;t=%d' % (self._rate.left(due, now), math.ceil(max(0.0, due - now)))
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", state)]
