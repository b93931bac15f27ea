"""Points in time: integer milliseconds since 1970 inside, RFC 3339 outside."""

import time
from datetime import UTC, datetime
from functools import lru_cache


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def monotonic_s() -> float:
    """Seconds that also pass while the machine sleeps or the process is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@lru_cache(maxsize=4_096)
def rfc3339(at_ms: int) -> str:
    """``at_ms`` as RFC 3339 UTC with milliseconds, ``2026-11-21T08:00:00.000Z``."""
    whole = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ms % 1000:03d}Z"
