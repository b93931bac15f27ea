"""A writer is stopped in the middle of its work for longer than its leases, while others write, change and trim."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from inbox.ids import item_id, stream_key
from inbox.store.base import Store
from tests.audit import Audit
from tests.faults.backend import Backend
from tests.faults.device import Device, verdict
from tests.faults.fleet import Fleet, Program
from tests.faults.judge import TENANT, at_rest, judged, opened_store, shown_in
from tests.faults.pair import Pair

STOP_S = float(os.environ.get("BELLWIRE_TEST_STOP_S", "20"))
"""Longer than a lease and the clock difference it tolerates. ``make soak`` stops for 90 s, several times."""
STOPS = int(os.environ.get("BELLWIRE_TEST_STOPS", "1"))

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + STOPS * (STOP_S + 30))]

USERS = ["alice", "bob", "carol"]
ERASED = "dora"


class Minds:
    """What two backends did, and what has to come of it."""

    def __init__(self) -> None:
        self.published: dict[str, list[str]] = {}
        self.tried: set[str] = set()
        self.cancelled: set[str] = set()

    async def publish(self, pair: Pair, number: int) -> None:
        to = random.sample([*USERS, ERASED], random.randint(1, 4))
        body: dict[str, Any] = {"topic": "everybody"} if random.random() < 0.2 else {"recipients": to}
        if random.random() < 0.4:
            body |= {"collapse_key": random.choice("ab"), "actor": {"name": f"a{random.randrange(9)}"}}
        id = await pair.publish(number, **body)
        self.published[id] = [*USERS, ERASED] if "topic" in body else to

    def some(self) -> str:
        """One of the newest notifications.

        :raises AssertionError: there is none.
        """
        assert self.published
        return random.choice(list(self.published)[-10:])

    async def cancel(self, pair: Pair, number: int) -> None:
        id = self.some()
        self.tried.add(id)
        await pair.ask(number, "POST", f"/v1/notifications/{id}/cancel")
        self.cancelled.add(id)

    async def patch(self, pair: Pair, number: int) -> None:
        await pair.ask(number, "PATCH", f"/v1/notifications/{self.some()}", json={"title": f"t{random.random()}"})

    async def read(self, pair: Pair, number: int) -> None:
        user = random.choice(USERS)
        await pair.mark(user, "read", ids=[item_id(stream_key(TENANT, user), self.some())])

    async def erase(self, pair: Pair, number: int) -> None:
        if random.random() < 0.1:
            await pair.ask(number, "DELETE", f"/v1/users/{ERASED}")

    async def judge(self, store: Store, user: str, found: Audit) -> None:
        """The stream holds everything that was accepted for ``user``, and shows each as it is now."""
        came = {entry.item.notification.id for entry in found.log if entry.item is not None}
        if user != ERASED:
            assert {id for id, to in self.published.items() if user in to} - self.tried <= came
        for item in found.items:
            newest = await store.progress(TENANT, item.notification.id)
            assert newest is not None
            assert item.notification == newest.notification
            assert newest.state not in ("cancelled", "expired")
        assert not self.cancelled & set(shown_in(found))


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
    steady, sleepy, node = await asyncio.to_thread(spread.add_all, "api", "api", "gateway")
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
    assert all(len(backend.accepted) > 10 for backend in backends)
    for device in devices.values():
        await verdict([device])
        assert len(device.notifications) == len(set(device.notifications)), "nothing twice"
    seen = {id for device in devices.values() for id in device.notifications}
    assert seen == accepted, "everything accepted, and nothing else"


async def _change_minds(pair: Pair, number: int, seen: Minds, over: asyncio.Event) -> None:
    """Everything that a backend and its users may do, by process ``number``, until ``over``."""
    while not over.is_set():
        await asyncio.sleep(random.uniform(0.01, 0.1))
        with suppress(httpx2.TransportError, AssertionError):
            await random.choice((seen.publish, seen.publish, seen.cancel, seen.patch, seen.read, seen.erase))(
                pair, number
            )


async def test_changes_of_mind_beside_a_stopped_writer_end_in_one_serial_order(pair: Pair) -> None:
    await pair.start()
    await pair.make_topic("everybody", [*USERS, ERASED])
    seen, over = Minds(), asyncio.Event()
    tasks = [asyncio.create_task(_change_minds(pair, n % 2, seen, over)) for n in range(8)]
    await _stop(pair.programs[1])
    over.set()
    await asyncio.gather(*tasks)
    assert len(seen.published) > 10
    assert seen.cancelled
    async with opened_store(pair.fleet.environ) as store:
        await at_rest(store, [*USERS, ERASED])
        for user, found in (await judged(store, [*USERS, ERASED])).items():
            await seen.judge(store, user, found)
