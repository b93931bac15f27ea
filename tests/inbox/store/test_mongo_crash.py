"""A writer killed before any of its writes leaves all of it or nothing, once somebody has swept."""

import signal
from collections.abc import AsyncIterator

import anyio
import pytest

from inbox.model import Cursor, Mark
from inbox.store.mongo import MongoStore
from tests.audit import audit, plain, read_log, replay
from tests.inbox.store.mongo import Scene
from tests.inbox.store.steps import steps
from tests.samples import stream_of, submission
from tests.servers.mongo import MongoServer
from tests.writers.changes import KEY, USERS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient_sweep")]

ANNA = stream_of("anna")


async def fill(store: MongoStore, n: int) -> None:
    """Anna has ``n`` items, one of them read."""
    async with anyio.create_task_group() as tasks:
        for _ in range(n):
            tasks.start_soon(store.publish, submission("anna"))
    await store.mark(ANNA, Mark("read", upto=1))


async def every_crash(url: str, what: str, items: int, writes: int) -> AsyncIterator[tuple[Scene, MongoStore, bool]]:
    """Kill the writer before each of its writes until it comes through.

    :param writes: how many it does at least: fewer were seen, nothing was tested.
    :returns: each time the scene, a store in this process, and whether the writer was answered.
    """
    for k in steps():
        scene = Scene(url)
        async with scene.store() as store:
            await fill(store, items)
            ended = await (await scene.writer(what, "kill", k)).wait()
            assert ended in (0, -signal.SIGKILL)
            yield scene, store, ended == 0
        if ended == 0:
            assert k > writes
            return


async def found_by(store: MongoStore) -> list[int]:
    """How many items each user has, in exact streams."""
    return [len((await audit(store, stream_of(user))).items) for user in USERS]


async def test_a_killed_publish_is_nowhere_or_everywhere_after_a_sweep(mongo: MongoServer) -> None:
    async for scene, store, answered in every_crash(mongo.url, "publish", items=2, writes=6):
        await scene.sweep(store)
        found = await found_by(store)
        assert found == [3, 1, 1] if answered else found in ([3, 1, 1], [2, 0, 0])
        await store.publish(submission(*USERS, key=KEY))
        assert await found_by(store) == [3, 1, 1]


async def test_a_retry_completes_a_killed_publish_at_once(mongo: MongoServer) -> None:
    async for scene, store, _ in every_crash(mongo.url, "publish", items=2, writes=6):
        await store.publish(submission(*USERS, key=KEY))
        shown = [len((await store.page(stream_of(user), limit=10)).items) for user in USERS]
        assert shown == [3, 1, 1]
        await scene.sweep(store)
        assert await found_by(store) == [3, 1, 1]


@pytest.mark.parametrize(("what", "items"), [("mark", 3), ("remove", 2), ("mark_many", 5)])
async def test_a_killed_mark_is_made_or_not(mongo: MongoServer, what: str, items: int) -> None:
    async for scene, store, answered in every_crash(mongo.url, what, items, writes=3):
        await scene.sweep(store)
        made = (await audit(store, ANNA)).head.seq - (items + 1)
        assert made == 1 if answered else made in (0, 1)


@pytest.mark.parametrize("what", ["publish_one", "mark"])
async def test_a_page_taken_after_a_writer_died_holds_all_that_its_number_claims(mongo: MongoServer, what: str) -> None:
    async for _, store, _ in every_crash(mongo.url, what, items=3, writes=3):
        page = await store.page(ANNA, limit=100, status="all")
        log = await read_log(store, ANNA, Cursor(page.head.epoch, 0))
        told = replay(log[: page.head.seq])
        assert ([plain(item) for item in page.items], page.head.counts) == (told.page(), told.counts)
