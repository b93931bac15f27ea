"""How long to wait before connecting again, so that a thousand clients do not come back at once. Pure."""

import random

FIRST_S = 1.0
LONGEST_S = 30.0


class Backoff:
    """Full jitter: each pause is random between zero and a bound that doubles from ``FIRST_S`` to ``LONGEST_S``."""

    def __init__(self, draw: random.Random | None = None) -> None:
        self._draw = draw or random.Random()
        self._bound_s = FIRST_S

    def next_s(self) -> float:
        """Seconds to wait now; the next pause may be twice as long."""
        pause = self._draw.uniform(0, self._bound_s)
        self._bound_s = min(LONGEST_S, 2 * self._bound_s)
        return pause

    def asked_s(self, after_ms: float, spread_ms: float) -> float:
        """Seconds to wait where the server asked for it in its ``bye``."""
        return (after_ms + self._draw.uniform(0, spread_ms)) / 1000

    def reset(self) -> None:
        """It worked: start over with short pauses."""
        self._bound_s = FIRST_S
