"""The side of a process: when it looks for work, what failures do to it, and how it ends."""

import asyncio
from collections.abc import Iterator
from unittest.mock import AsyncMock

import pytest

from inbox import upkeep as module
from inbox.errors import Unavailable
from inbox.upkeep import Upkeep
from tests.waiting import until

pytestmark = pytest.mark.anyio


class ScriptedStore(AsyncMock):
    """``work`` answers (or raises) what the script says, then ``None``."""

    def __init__(self, *script: float | Exception | None) -> None:
        super().__init__()
        self.sweep.return_value = self.trim.return_value = 0
        self.looks = 0
        self._script: Iterator[float | Exception | None] = iter(script)
        self.work = self._work

    async def _work(self) -> float | None:
        self.looks += 1
        answer = next(self._script, None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _get_child_mock(self, **named: object) -> AsyncMock:
        return AsyncMock(**named)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows nothing sooner looks once in an hour."""
    monkeypatch.setattr(module, "WORK_S", 3_600.0)


def upkeep_of(store: ScriptedStore, role: str = "worker") -> Upkeep:
    return Upkeep(store, role, keep_entries=1, keep_s=300)


async def looked(upkeep: Upkeep, store: ScriptedStore, times: int) -> None:
    async with upkeep:
        await until(lambda: store.looks == times)
    assert store.looks == times


async def test_while_there_is_more_it_goes_on_at_once() -> None:
    store = ScriptedStore(0, 0, 0, None)
    await looked(upkeep_of(store), store, 4)


async def test_it_waits_no_longer_than_until_the_next_is_due() -> None:
    store = ScriptedStore(0.01, 0.01, None)
    await looked(upkeep_of(store), store, 3)


async def test_it_looks_again_although_nothing_is_known_to_be_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORK_S", 0.01)
    store = ScriptedStore(None, 3_600.0, None)
    async with upkeep_of(store):
        await until(lambda: store.looks >= 4)


async def test_a_nudge_makes_it_look() -> None:
    store = ScriptedStore()
    async with upkeep_of(store) as upkeep:
        await until(lambda: store.looks == 1)
        upkeep.nudge()
        await until(lambda: store.looks == 2)


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a bug")])
async def test_a_failure_is_counted_and_not_the_end(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(module, "SWEEP_S", 0.01)
    store = ScriptedStore(error, None)
    upkeep = upkeep_of(store)
    await looked(upkeep, store, 2)

    assert (upkeep.statistics().failed, upkeep.statistics().looked) == (1, 1)


async def test_a_gateway_leaves_work_to_others() -> None:
    store = ScriptedStore()
    async with upkeep_of(store, "gateway"):
        await until(lambda: store.sweep.await_count > 0)

    assert store.looks == 0


async def test_it_ends_although_a_driver_swallows_a_cancellation() -> None:
    store = ScriptedStore()
    began, swallowed = asyncio.Event(), asyncio.Event()

    async def swallow() -> None:
        began.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            if swallowed.is_set():
                raise
            swallowed.set()

    store.work = swallow
    async with asyncio.timeout(5), upkeep_of(store):
        await began.wait()
    assert swallowed.is_set()
