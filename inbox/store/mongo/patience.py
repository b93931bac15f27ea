"""How long an operation is tried, and what goes on when its caller has gone."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pymongo
from pymongo.errors import PyMongoError

from inbox.errors import Unavailable
from inbox.times import monotonic_s

T = TypeVar("T")

BUDGET_S = 5.0
"""An operation is tried for this long, all its commands and repetitions together."""
LIMIT_S = 7.0
"""Where the driver itself does not come back in time."""
PAUSE_S = (0.02, 0.2)


async def persist(work: Callable[[], Awaitable[T]], budget_s: float = BUDGET_S) -> T:
    """``work``, begun again from its start after any error of the server or the way to it.

    :raises Unavailable: no success within ``budget_s``.
    """
    try:
        async with asyncio.timeout(budget_s + LIMIT_S - BUDGET_S):
            with pymongo.timeout(budget_s):
                return await _repeat(work, monotonic_s() + budget_s)
    except TimeoutError as error:
        raise Unavailable(f"the database did not finish within {budget_s:g} s") from error


async def _repeat(work: Callable[[], Awaitable[T]], until_s: float) -> T:
    while True:
        try:
            return await work()
        except PyMongoError as error:
            pause_s = random.uniform(*PAUSE_S)
            if monotonic_s() + pause_s > until_s:
                raise Unavailable(f"the database does not answer: {str(error)[:200]}") from error
            await asyncio.sleep(pause_s)


class Errands:
    """Work that is finished even if its caller is cancelled: a client that hangs up leaves nothing half done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; if nobody does, the sweep finishes

    async def finish(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
