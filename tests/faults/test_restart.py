"""``serve`` killed in the middle of concurrent publishers: a 2xx means durable (P1)."""

import asyncio
import random

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, whole_inbox
from tests.faults.fleet import Fleet

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

USERS = [f"user{i}" for i in range(8)]
PUBLISHERS = 32


async def test_every_2xx_survives_sigkill_exactly_once_and_retries_leave_one(
    alone: Fleet, http: httpx2.AsyncClient
) -> None:
    program = await asyncio.to_thread(alone.add, "serve")
    client = await asyncio.to_thread(alone.client, "notifications:write", "users")
    backend = await Backend(program.url, http, client).login()
    tokens = {user: await backend.user_token(user) for user in USERS}
    stop = asyncio.Event()

    async def publisher() -> None:
        while not stop.is_set():
            recipients = random.sample(USERS, random.randint(1, 3))
            if await backend.publish(recipients, "hello") == 0:
                await asyncio.sleep(0.05)

    publishers = [asyncio.create_task(publisher()) for _ in range(PUBLISHERS)]
    for _ in range(3):
        await asyncio.sleep(1.0)
        await asyncio.to_thread(program.kill)
        await asyncio.to_thread(program.start)
    stop.set()
    await asyncio.gather(*publishers)
    assert 0 in backend.statuses, "the kill must have hit publishers"
    assert len(backend.accepted) > 200
    promised = dict(backend.accepted)
    await backend.retry_unanswered()

    stored: dict[str, int] = {}
    for user in USERS:
        device = Device(program.url, tokens[user], http)
        head, items = await whole_inbox(device)
        assert head["counts"]["unread"] == len(items)
        for item in items.values():
            stored[item["notification"]] = stored.get(item["notification"], 0) + 1
        assert len({item["notification"] for item in items.values()}) == len(items)
    assert set(promised.values()) <= set(stored)
    assert set(backend.accepted.values()) == set(stored), "nothing but what was accepted, once retried"
