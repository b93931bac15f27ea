"""The last message before silence is lost on the bus, and a mark on one device shows on the other."""

import asyncio
import time

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, verdict
from tests.faults.fleet import Fleet
from tests.faults.proxy import SwallowingProxy
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_a_loss_in_the_quiet_tail_is_repaired_within_10_s(
    spread: Fleet, redis: RedisServer, http: httpx2.AsyncClient
) -> None:
    async with SwallowingProxy(redis.url) as proxy:
        api = await asyncio.to_thread(spread.add, "api")
        node = await asyncio.to_thread(lambda: spread.add("gateway", BELLWIRE_REDIS_URL=proxy.url))
        client = await asyncio.to_thread(spread.client, "notifications:write", "users")
        backend = await Backend(api.url, http, client).login()
        device = await Device(node.url, await backend.user_token("alice"), http).start()
        assert await backend.publish(["alice"], "heard") == 202
        await until(lambda: device.seq == 1)

        proxy.swallow(b"default/alice")
        assert await backend.publish(["alice"], "lost on the bus") == 202
        began = time.monotonic()
        await until(lambda: device.seq == 2, timeout_s=10)
        assert proxy.swallowed == 1, "the loss must have happened"
        assert time.monotonic() - began > 0.1, "it came by repair, not by the bus"
        assert device.connects == 1
        await verdict([device])
        await device.stop()


async def test_a_mark_on_one_device_is_on_the_other_within_500_ms(spread: Fleet, http: httpx2.AsyncClient) -> None:
    api, left, right = await asyncio.to_thread(spread.add_all, "api", "gateway", "gateway")
    client = await asyncio.to_thread(spread.client, "notifications:write", "users")
    backend = await Backend(api.url, http, client).login()
    token = await backend.user_token("alice")
    phone, laptop = [await Device(node.url, token, http).start() for node in (left, right)]
    for n in range(60):
        await backend.publish(["alice"], f"n{n}")
    await until(lambda: phone.seq == 60 and laptop.seq == 60)

    took: list[float] = []
    for id in list(phone.items):
        began = time.monotonic()
        await phone.mark("read", ids=[id])
        await until(lambda i=id: laptop.items[i]["read_at"] is not None, timeout_s=5)
        took.append(time.monotonic() - began)
    assert sorted(took)[int(len(took) * 0.95)] < 0.5
    await verdict([phone, laptop])
    await phone.stop()
    await laptop.stop()
