"""The store or Redis is away for a while: honest 503s, sessions stay, everything goes on (P1, P3)."""

import asyncio
import statistics
import time

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, verdict, whole_inbox
from tests.faults.fleet import Fleet
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]


async def _start(spread: Fleet, http: httpx2.AsyncClient) -> tuple[Backend, list[Device]]:
    api, left, right = await asyncio.to_thread(spread.add_all, "api", "gateway", "gateway")
    backend = await Backend(
        api.url, http, await asyncio.to_thread(spread.client, "notifications:write", "users")
    ).login()
    token = await backend.user_token("alice")
    return backend, [await Device(node.url, token, http).start() for node in (left, right)]


async def test_with_the_store_stopped_publishes_are_503_and_sessions_stay_and_all_goes_on_when_it_is_back(
    spread: Fleet, mongo: MongoServer, http: httpx2.AsyncClient
) -> None:
    mongo.require_own()
    backend, devices = await _start(spread, http)
    assert await backend.publish(["alice"], "before") == 202
    await until(lambda: all(device.seq == 1 for device in devices))

    await asyncio.to_thread(mongo.stop)
    gone_at = time.monotonic()
    backend.statuses.clear()
    while time.monotonic() - gone_at < 15:
        await asyncio.gather(*(backend.publish(["alice"], "during") for _ in range(4)))
    assert set(backend.statuses) == {503}
    assert all(device.is_connected() and device.connects == 1 for device in devices)
    await asyncio.to_thread(mongo.start)

    await backend.retry_unanswered()
    await until(lambda: all(len(set(device.notifications)) == len(backend.accepted) for device in devices), 20)
    assert all(device.connects == 1 for device in devices), "no session was dropped"
    await verdict(devices)
    _, items = await whole_inbox(devices[0])
    assert sorted(item["notification"] for item in items.values()) == sorted(backend.accepted.values())


async def test_with_redis_frozen_publishes_answer_hellos_are_served_and_nodes_stay_ready(
    spread: Fleet, redis: RedisServer, http: httpx2.AsyncClient
) -> None:
    backend, devices = await _start(spread, http)
    await asyncio.to_thread(redis.freeze)
    took: list[float] = []
    for n in range(40):
        began = time.monotonic()
        assert await backend.publish(["alice"], f"n{n}") == 202
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.2)
        ready = await http.get(f"{devices[0].url}/readyz")
        assert ready.status_code == 200
    late = Device(devices[0].url, devices[0]._token, http)
    began = time.monotonic()
    await late.start()
    assert time.monotonic() - began < 5
    assert statistics.median(took) < 0.5
    assert max(took) < 2.5, "nobody waits until Redis counts as gone, which takes 5 s"
    await until(lambda: all(device.seq == 40 for device in [*devices, late]), timeout_s=10)
    await asyncio.to_thread(redis.thaw)
    await verdict([*devices, late])
