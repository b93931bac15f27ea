"""Everything at once: nodes die, Redis is cut, frozen, wiped and restarted, while users publish and mark."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, verdict
from tests.faults.fleet import Fleet, Program
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

USERS = [f"user{i}" for i in range(20)]
PUBLISHES = 5_000
PUBLISHERS = 16
STORM_S = 40.0


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path, is_busy=True)
    server.start()
    yield server
    server.stop()


async def _publish(backend: Backend, count: int) -> int:
    """An even flow over the whole storm, so that every fault meets traffic. How many: a slow machine has fewer."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for done in range(count):
        if loop.time() > began + 2 * STORM_S:
            return done
        await asyncio.sleep(max(0.0, began + STORM_S * done / count - loop.time()))
        await backend.publish([random.choice(USERS)], f"n{done}")
    return count


async def _mark(device: Device, tally: list[int]) -> None:
    while True:
        await asyncio.sleep(random.uniform(0.3, 0.9))
        op = random.choice(["read", "unread", "seen", "archive", "unarchive", "remove"])
        if not device.items:
            continue
        with contextlib.suppress(ConnectionError):
            if random.random() < 0.1:
                await device.mark(op, upto=random.randint(1, max(1, device.seq)), epoch=device.epoch)
            else:
                chosen = random.sample(sorted(device.items), min(len(device.items), 3))
                await device.mark(op, ids=chosen)
            tally.append(1)


async def _cut_pubsub(redis: RedisServer, cuts: list[int]) -> None:
    while True:
        await asyncio.sleep(2.0)
        with contextlib.suppress(Exception):
            await asyncio.to_thread(redis.cut_pubsub)
            cuts.append(1)


async def _misfortune(redis: RedisServer, node: Program) -> None:
    await asyncio.sleep(4.0)
    await asyncio.to_thread(node.kill)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(node.start)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(redis.freeze)
    await asyncio.sleep(10.0)
    await asyncio.to_thread(redis.thaw)
    await asyncio.sleep(4.0)
    await asyncio.to_thread(redis.wipe)
    await asyncio.to_thread(redis.kill)
    await asyncio.sleep(1.0)
    await asyncio.to_thread(redis.start)


async def test_after_the_storm_every_device_has_every_entry_once_and_all_agree(
    spread: Fleet, redis: RedisServer, http: httpx2.AsyncClient
) -> None:
    api, left, right, _ = await asyncio.to_thread(spread.add_all, "api", "gateway", "gateway", "worker")
    client = await asyncio.to_thread(spread.client, "notifications:write", "notifications:read", "users")
    backend = await Backend(api.url, http, client).login()
    tokens = {user: await backend.user_token(user) for user in USERS}
    devices = {user: [Device(node.url, tokens[user], http) for node in (left, right, left)] for user in USERS}
    everyone = [device for mine in devices.values() for device in mine]
    await asyncio.gather(*(device.start() for device in everyone))

    tally: list[int] = []
    cuts: list[int] = []
    background = [asyncio.create_task(_mark(device, tally)) for device in everyone[::2]]
    background.append(asyncio.create_task(_cut_pubsub(redis, cuts)))
    misfortune = asyncio.create_task(_misfortune(redis, left))
    asked = await asyncio.gather(*(_publish(backend, PUBLISHES // PUBLISHERS) for _ in range(PUBLISHERS)))
    await misfortune
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await backend.retry_unanswered()

    assert len(backend.accepted) == sum(asked)
    assert min(asked) > 50
    assert len(tally) > 300
    assert len(cuts) >= 5
    for mine in devices.values():
        await verdict(mine)
    seen = [id for mine in devices.values() for id in mine[1].notifications]
    assert sorted(seen) == sorted(backend.accepted.values()), "each accepted notification exactly once"
    assert sum(device.connects for device in everyone) > len(everyone), "the killed node's devices came back"
