"""A writer is stopped in the middle of its work for longer than its leases, while others write and trim."""

import asyncio
import os
import random
import signal

import httpx2
import pytest

from tests.faults.backend import Backend
from tests.faults.device import Device, verdict
from tests.faults.fleet import Fleet, Program

STOP_S = float(os.environ.get("BELLWIRE_TEST_STOP_S", "20"))
"""Longer than a lease and the clock difference it tolerates. ``make soak`` stops for 90 s, several times."""
STOPS = int(os.environ.get("BELLWIRE_TEST_STOPS", "1"))

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + STOPS * (STOP_S + 30))]

USERS = ["alice", "bob", "carol"]


async def _publish(backend: Backend, over: asyncio.Event) -> None:
    while not over.is_set():
        await backend.publish(random.sample(USERS, random.randint(1, 3)), "hello")
        await asyncio.sleep(random.uniform(0.02, 0.1))


async def _stop(program: Program) -> None:
    for _ in range(STOPS):
        await asyncio.sleep(random.uniform(2.0, 3.0))
        program.send(signal.SIGSTOP)
        await asyncio.sleep(STOP_S)
        program.send(signal.SIGCONT)
    await asyncio.sleep(3.0)


async def test_a_stopped_writer_that_goes_on_reuses_resurrects_and_doubles_nothing(
    spread: Fleet, http: httpx2.AsyncClient
) -> None:
    spread.environ |= {"BELLWIRE_TEST": "1", "BELLWIRE_LOG_KEEP_ENTRIES": "3", "BELLWIRE_LOG_KEEP_S": "1"}
    steady, sleepy, node = await asyncio.to_thread(lambda: [spread.add(role) for role in ("api", "api", "gateway")])
    client = await asyncio.to_thread(spread.client, "notifications:write", "users")
    backends = [await Backend(api.url, http, client).login() for api in (steady, sleepy)]
    devices = {user: await Device(node.url, await backends[0].user_token(user), http).start() for user in USERS}

    over = asyncio.Event()
    publishers = [asyncio.create_task(_publish(backend, over)) for backend in backends for _ in range(3)]
    await _stop(sleepy)
    over.set()
    await asyncio.gather(*publishers)
    for backend in backends:
        await backend.retry_unanswered()

    accepted = {id for backend in backends for id in backend.accepted.values()}
    assert all(len(backend.accepted) > 50 for backend in backends)
    for device in devices.values():
        await verdict([device])
        assert len(device.notifications) == len(set(device.notifications)), "nothing twice"
    seen = {id for device in devices.values() for id in device.notifications}
    assert seen == accepted, "everything accepted, and nothing else"
