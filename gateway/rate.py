"""How often something may happen, in one float (the generic cell rate algorithm). Pure."""

from msgspec import Struct


class Rate(Struct, frozen=True):
    """``per_s`` a second on average, up to ``burst`` at once.

    The state of one counted thing is a time, ``due``: when everything admitted so far would have been due at the even
    rate. It starts at 0.
    """

    per_s: float
    burst: int

    def charge(self, due: float, now: float) -> float | None:
        """``due`` after one more at ``now``; ``None``: it is one too many."""
        due = max(due, now) + 1 / self.per_s
        # Half a one of room: sums of floats are not exact.
        return None if due - now > (self.burst + 0.5) / self.per_s else due

    def left(self, due: float, now: float) -> int:
        """How many more are admitted at ``now``."""
        return int(self.burst + 0.5 - max(0.0, due - now) * self.per_s)

    def wait_s(self, due: float, now: float) -> float:
        """Seconds until one more is admitted."""
        return max(0.0, due - now - (self.burst - 1) / self.per_s)
