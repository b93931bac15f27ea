"""How slow the store is."""

import asyncio
from unittest.mock import AsyncMock

import pytest

from gateway.load import StoreLoad, watched
from gateway.settings import Limits
from inbox.errors import Unavailable
from inbox.store.base import Store
from inbox.store.outlet import NoOutlet

pytestmark = pytest.mark.anyio

LIMITS = Limits(shed_after_s=1.0, shed_in_hand=3)


class Waiting:
    """A store whose ``ping`` ends when it is told to, and the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.end = asyncio.Event()
        self.now = 100.0
        self.load = StoreLoad(LIMITS)
        store = AsyncMock(Store)
        store.ping.side_effect = self.end.wait
        store.client.side_effect = Unavailable("away")
        self.raw = store
        self.store = watched(store, self.load)
        monkeypatch.setattr("gateway.load.monotonic_s", lambda: self.now)

    async def begin(self, calls: int) -> "asyncio.Future[list[None]]":
        begun = asyncio.gather(*(self.store.ping() for _ in range(calls)))
        await asyncio.sleep(0)
        return begun


async def test_few_old_calls_or_many_young_ones_are_no_slow_store(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    begun = await waiting.begin(2)
    waiting.now += 2

    assert not waiting.load.is_slow(), "two are not three"
    third = await waiting.begin(1)
    assert waiting.load.is_slow()
    waiting.end.set()
    await asyncio.gather(begun, third)
    assert not waiting.load.is_slow()


async def test_the_oldest_call_counts_and_not_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    begun = await waiting.begin(3)

    assert not waiting.load.is_slow(), "three, but young"
    waiting.now += 0.9
    later = await waiting.begin(3)
    waiting.now += 0.2
    assert waiting.load.is_slow()
    waiting.end.set()
    await asyncio.gather(begun, later)


async def test_a_call_that_fails_or_is_cancelled_is_in_hand_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await waiting.store.client("x")
    begun = await waiting.begin(5)
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    waiting.now += 2
    await waiting.begin(2)

    assert not waiting.load.is_slow()
    waiting.end.set()


async def test_the_outlet_that_is_set_is_the_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(monkeypatch)
    outlet = NoOutlet()
    waiting.store.outlet = outlet

    assert waiting.raw.outlet is outlet
    assert waiting.store.outlet is outlet
