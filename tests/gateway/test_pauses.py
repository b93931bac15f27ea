"""Pauses of the loop, as the metrics tell them."""

import asyncio
import gc
import time

import pytest

from gateway.pauses import Pauses
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def watched(pauses: Pauses) -> asyncio.Task[None]:
    task = asyncio.create_task(pauses.run())
    await asyncio.sleep(0.05)
    return task


async def test_a_loop_that_stood_still_is_seen() -> None:
    pauses = Pauses(lambda: False)
    task = await watched(pauses)
    until_s = time.perf_counter() + 0.15
    while time.perf_counter() < until_s:
        pass
    await until(lambda: pauses.statistics().long_pauses >= 1)
    assert 0.1 < pauses.statistics().longest_pause_s < 5
    task.cancel()


async def test_what_the_collector_takes_is_counted() -> None:
    pauses = Pauses(lambda: False)
    task = await watched(pauses)
    before = pauses.statistics().collecting_s
    gc.collect()
    after = pauses.statistics()
    assert after.collecting_s > before
    assert after.longest_collection_s > 0
    task.cancel()


async def test_it_leaves_the_collector_as_it_was() -> None:
    before = list(gc.callbacks)
    task = await watched(Pauses(lambda: False))
    assert gc.callbacks != before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert gc.callbacks == before
