"""Ending tasks for good."""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_S = 0.1


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until all of them are done.

    A cancellation can be swallowed: by asyncio.wait_for before Python 3.12, on which PyMongo waits, and by redis-py. So
    it is asked for again.
    """
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_AGAIN_S)
