"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Awaitable, Callable

import anyio


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], timeout_s: float = 30.0) -> None:
    """Poll ``condition`` until it holds.

    :raises TimeoutError: it did not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        await anyio.sleep(0.01)
    raise TimeoutError(f"the condition did not hold within {timeout_s} s")
