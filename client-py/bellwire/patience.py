"""When to try again, and when to give up. Pure."""

import random
from collections.abc import Callable

from msgspec import Struct

from bellwire.errors import BellwireError

FIRST_S = 0.2
LONGEST_S = 5.0


class Retries(Struct, frozen=True):
    """At most ``attempts`` requests, the last begun within ``total_s`` seconds. ``Retries(1)``: no second one."""

    attempts: int = 6
    total_s: float = 30.0


RETRIES = Retries()


class Patience:
    """What is left of the ``Retries`` of one call.

    Full jitter: each pause is random between zero and a bound that doubles, on top of what the server asked for.

    :param clock: seconds, monotonic.
    """

    def __init__(self, retries: Retries, clock: Callable[[], float], draw: Callable[[], float] = random.random) -> None:
        self._left = retries.attempts
        self._clock = clock
        self._deadline = clock() + retries.total_s
        self._draw = draw
        self._bound_s = FIRST_S

    def pause_s(self, error: BellwireError) -> float:
        """Seconds to wait after ``error``. :raises BellwireError: ``error``, for it is enough."""
        self._left -= 1
        pause = error.retry_after_s + self._draw() * self._bound_s
        self._bound_s = min(LONGEST_S, 2 * self._bound_s)
        if self._left <= 0 or self._clock() + pause > self._deadline:
            raise error
        return pause
