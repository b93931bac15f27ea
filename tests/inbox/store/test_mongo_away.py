"""The server goes away under its users: only ``Unavailable`` is raised, within 8 s, and all goes on when it is back."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from inbox.errors import Unavailable
from inbox.ids import new_token
from inbox.model import Mark
from inbox.store.mongo import MongoStore
from tests.audit import audit
from tests.inbox.store.mongo import Scene
from tests.samples import stream_of, submission
from tests.servers.mongo import MongoServer
from tests.waiting import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("impatient_sweep"),
    # PyMongo forgets the socket of a connection attempt that is cancelled by closing the client.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

ANNA = stream_of("anna")
HANG_S = 20.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MongoServer]:
    """A server that may be stopped."""
    server = MongoServer(tmp_path)
    server.require_own()
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)
    gc.collect()


class Writer:
    """Publishes one notification after the other, each until it is answered."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self.acknowledged: list[str] = []
        self.refused = 0

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._publish(new_token())

    async def _publish(self, key: str) -> None:
        while True:
            try:
                receipt = await self._store.publish(submission("anna", "ben", key=key))
                self.acknowledged.append(receipt.id)
                return
            except Unavailable:
                self.refused += 1


async def test_what_was_acknowledged_around_a_stop_of_the_server_is_there_once(server: MongoServer) -> None:
    scene = Scene(server.url)
    async with scene.store() as store:
        writers, over = [Writer(store) for _ in range(4)], asyncio.Event()
        tasks = [asyncio.create_task(writer.run(over)) for writer in writers]
        await until(lambda: all(len(writer.acknowledged) > 3 for writer in writers))
        await asyncio.to_thread(server.stop)
        # What was just recorded counts as published, so it may be the next one that is refused.
        await until(lambda: all(writer.refused for writer in writers), timeout_s=20)
        await asyncio.to_thread(server.start)
        before = [len(writer.acknowledged) for writer in writers]
        await until(lambda: all(len(w.acknowledged) > n + 3 for w, n in zip(writers, before, strict=True)))
        over.set()
        await asyncio.gather(*tasks)
        await scene.sweep(store)
        answered = sorted(id for writer in writers for id in writer.acknowledged)
        for stream in (ANNA, stream_of("ben")):
            assert sorted(item.notification.id for item in (await audit(store, stream)).items) == answered


async def test_a_frozen_server_makes_every_operation_unavailable_in_time(server: MongoServer) -> None:
    scene = Scene(server.url)
    async with scene.store() as store:
        await store.publish(submission("anna"))
        (head,) = await store.heads([ANNA])
        server.freeze()
        operations: list[Callable[[], Awaitable[object]]] = [
            lambda: store.publish(submission("anna")),
            lambda: store.mark(ANNA, Mark("read", upto=1)),
            lambda: store.page(ANNA, limit=10),
            lambda: store.changes(ANNA, 0, head.epoch, 10),
            lambda: store.heads([ANNA]),
            store.sweep,
            lambda: store.trim(1, 0.0),
            store.ping,
        ]
        began = time.monotonic()
        outcomes = await asyncio.gather(*(operation() for operation in operations), return_exceptions=True)
        assert time.monotonic() - began < HANG_S
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * len(operations)
        server.thaw()
        await store.publish(submission("anna"))
        await scene.sweep(store)
        await audit(store, ANNA)


async def test_a_ping_of_a_frozen_server_is_answered_within_its_time(server: MongoServer) -> None:
    async with Scene(server.url).store() as store:
        await store.ping()
        server.freeze()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await store.ping()
        assert time.monotonic() - began < 5.0
        server.thaw()


async def test_opening_without_a_server_is_unavailable(server: MongoServer) -> None:
    await asyncio.to_thread(server.stop)
    store = MongoStore(server.url, database="nowhere")
    with pytest.raises(Unavailable):
        await store.open()
    await store.close()
