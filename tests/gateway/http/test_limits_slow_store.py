"""A store that is really slow: a MongoDB server that is stopped in its tracks, and a real process in front of it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.settings import LIMITS
from tests.faults.backend import Backend
from tests.faults.fleet import Fleet, Program
from tests.servers.mongo import MongoServer
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

WAITING = LIMITS.shed_in_hand + 16
FLOOD = 300
FLOOD_AT_ONCE = 20
GROWTH_MAX_KB = 24 * 1024


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path)
    server.require_own()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def program(tmp_path: Path, mongo: MongoServer) -> Iterator[Program]:
    fleet = Fleet({"BELLWIRE_MONGO_URL": mongo.url}, tmp_path)
    yield fleet.add("serve")
    fleet.stop()


@pytest.fixture
async def backend(tmp_path: Path, mongo: MongoServer, program: Program) -> AsyncIterator[Backend]:
    credentials = await asyncio.to_thread(
        Fleet({"BELLWIRE_MONGO_URL": mongo.url}, tmp_path).client, "notifications:write"
    )
    limits = httpx2.Limits(max_connections=WAITING + FLOOD_AT_ONCE)
    async with httpx2.AsyncClient(limits=limits, timeout=30, trust_env=False) as http:
        yield await Backend(program.url, http, credentials).login()


async def timed(backend: Backend, method: str, path: str) -> tuple[int, float]:
    began = time.monotonic()
    body = {"recipients": ["alice"], "title": "Hello"} if method == "POST" else None
    answer = await backend.request(method, path, json=body)
    assert answer.status_code != 503 or answer.headers["retry-after"] == "1"
    return answer.status_code, time.monotonic() - began


async def metric(backend: Backend, name: str) -> float:
    text = (await backend.request("GET", "/metrics")).text
    found = re.search(rf"^bellwire_http_{name} (\S+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


async def flood(backend: Backend) -> list[int]:
    """The statuses of ``FLOOD`` publishes, ``FLOOD_AT_ONCE`` at a time."""

    async def one_after_the_other() -> list[int]:
        return [(await timed(backend, "POST", "/v1/notifications"))[0] for _ in range(FLOOD // FLOOD_AT_ONCE)]

    parts = await asyncio.gather(*(one_after_the_other() for _ in range(FLOOD_AT_ONCE)))
    return [status for part in parts for status in part]


async def test_while_the_store_stands_still_requests_are_shed_at_once_and_nothing_piles_up(
    backend: Backend, program: Program, mongo: MongoServer
) -> None:
    assert await backend.publish(["alice"], "before") == 202
    await asyncio.to_thread(mongo.freeze)
    waiting = [asyncio.create_task(timed(backend, "POST", "/v1/notifications")) for _ in range(WAITING)]
    await until(lambda: _is_shedding(backend))
    memory_kb = program.rss_kb()

    probes = [await timed(backend, "POST", "/v1/notifications") for _ in range(30)]
    pages = [await timed(backend, "GET", "/v1/notifications/x") for _ in range(10)]
    statuses = await flood(backend)
    in_hand, shed = await metric(backend, "in_hand"), await metric(backend, "shed_total")
    open_to_all = [
        (await timed(backend, "GET", path))[0] for path in ("/healthz", "/metrics", "/docs", "/openapi.json")
    ]

    assert {status for status, _ in probes + pages} == {503}
    assert sorted(took for _, took in probes)[-3] < 0.5, "nobody waits for the store, which takes seconds"
    assert {*statuses} == {503}
    assert shed >= (30 + 10 + FLOOD) / 2, "a few may have come when those that waited had given up"
    assert in_hand <= WAITING + 2, "those that wait, and the one that asks"
    assert program.rss_kb() - memory_kb < GROWTH_MAX_KB
    assert open_to_all == [200] * 4

    await asyncio.to_thread(mongo.thaw)
    assert {status for status, _ in await asyncio.gather(*waiting)} <= {202, 503}
    await until(lambda: _publishes(backend))
    assert await metric(backend, "in_hand") == 1


async def _is_shedding(backend: Backend) -> bool:
    """Asked on a path where nothing is, so that the request never waits."""
    return (await backend.request("GET", "/v1/nowhere")).status_code == 503


async def _publishes(backend: Backend) -> bool:
    return await backend.publish(["alice"], "after") == 202
