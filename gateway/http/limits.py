"""What one backend client, or one user, may ask of one process: so many requests a second, and so many at once."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from cachetools import LRUCache
from msgspec import Struct

from gateway.rate import Rate
from gateway.settings import LIMITS, Limits
from inbox.errors import RateLimited
from inbox.times import monotonic_s


class LimitStatistics(Struct, frozen=True):
    """Requests refused since the start: beyond the rate of who asked, and beyond what it may have in hand at once."""

    over_rate: int
    over_concurrency: int


class RequestLimits:
    """A token bucket and a count for each asker seen of late: no timer, no task.

    :param kind: what an asker is.
    :param remembered: how many buckets are kept. Who was forgotten for others begins with a full one.
    """

    def __init__(self, kind: Literal["client", "user"], rate: Rate, concurrent: int, remembered: int) -> None:
        self._kind = kind
        self._rate = rate
        self._concurrent = concurrent
        self._due: LRUCache[str, float] = LRUCache(remembered)
        self.in_hand: Counter[str] = Counter()
        self._over_rate = 0
        self._over_concurrency = 0
        self._name = b'"%s"' % kind.encode()
        self._policy = b"%s;q=%d;w=%d" % (self._name, rate.burst, math.ceil(rate.burst / rate.per_s))

    def statistics(self) -> LimitStatistics:
        return LimitStatistics(self._over_rate, self._over_concurrency)

    def enter(self, asker: str) -> None:
        """Count a request of ``asker``; ``leave`` when it ends.

        :raises RateLimited: one too many. It is not counted.
        """
        if self.in_hand[asker] >= self._concurrent:
            self._over_concurrency += 1
            raise RateLimited(f"expected at most {self._concurrent} requests of one {self._kind} at once", 1.0)
        now = monotonic_s()
        due = self._due.get(asker, 0.0)
        charged = self._rate.charge(due, now)
        if charged is None:
            self._over_rate += 1
            raise RateLimited(
                f"expected at most {self._rate.per_s:g} requests a second, {self._rate.burst} at once",
                self._rate.wait_s(due, now),
            )
        self._due[asker] = charged
        self.in_hand[asker] += 1

    def leave(self, asker: str) -> None:
        self.in_hand[asker] -= 1
        if self.in_hand[asker] <= 0:
            del self.in_hand[asker]

    @contextmanager
    def counted(self, asker: str) -> Iterator[None]:
        """``enter``, and ``leave`` in the end."""
        self.enter(asker)
        try:
            yield
        finally:
            self.leave(asker)

    def headers(self, asker: str) -> list[tuple[bytes, bytes]]:
        """Where ``asker`` stands (draft-ietf-httpapi-ratelimit-headers-10): what is left, and when all is again."""
        now = monotonic_s()
        due = self._due.get(asker, 0.0)
        state = b"%s;r=%d;t=%d" % (self._name, self._rate.left(due, now), math.ceil(max(0.0, due - now)))
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", state)]


def limits_of_users(limits: Limits = LIMITS) -> RequestLimits:
    """Those of a process, for its users."""
    rate = Rate(limits.user_requests_per_s, limits.user_requests_burst)
    return RequestLimits("user", rate, limits.user_concurrent_requests, limits.users_remembered)
