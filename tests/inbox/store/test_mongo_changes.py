"""Writers of changes of mind, killed before any of their writes or stopped before any of their commands."""

import signal
from contextlib import suppress

import pytest

from inbox.errors import Conflict
from inbox.model import Mark
from inbox.store.mongo import MongoStore
from tests.inbox.store.mongo import Scene
from tests.inbox.store.promises import check, leaves_nothing
from tests.inbox.store.steps import steps
from tests.inbox.store.test_mongo_stop import stopped_meanwhile
from tests.samples import TENANT, retitled, stream_of, submission
from tests.servers.mongo import MongoServer
from tests.writers.changes import CHANGES, USERS, set_scene

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient_sweep")]

LEAST = 4
"""Commands that a change consists of at least: fewer were seen, nothing was tested."""


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_whose_writer_was_killed_is_made_everywhere_or_nowhere(mongo: MongoServer, what: str) -> None:
    for k in steps():
        scene = Scene(mongo.url)
        async with scene.store() as store:
            notification = await set_scene(store, what)
            ended = await (await scene.writer(what, "kill", k)).wait()
            assert ended in (0, -signal.SIGKILL)
            await scene.sweep(store)
            await check(store, what, notification, answered=ended == 0)
            await leaves_nothing(scene)
        if ended == 0:
            assert k > LEAST
            return


async def change_more(store: MongoStore, what: str, notification: str) -> None:
    """What others do meanwhile to the same inboxes, and to the same notification where its end stays the same."""
    if what in ("cancel", "expire", "fanout"):
        with suppress(Conflict):  # it is over already
            await store.amend(TENANT, notification, retitled("Meanwhile"))
    await store.publish(submission(*USERS, title="Meanwhile"))
    for user in USERS:
        page = await store.page(stream_of(user), limit=1)
        await store.mark(stream_of(user), Mark("remove", ids=(page.items[0].id,)))


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_whose_writer_was_stopped_and_continued_is_made_once(mongo: MongoServer, what: str) -> None:
    for k in steps():
        scene = Scene(mongo.url)
        async with scene.store() as store:
            notification = await set_scene(store, what)
            async with stopped_meanwhile(await scene.writer(what, "stop", k)) as stopped:
                await scene.sweep(store)
                await change_more(store, what, notification)
            await scene.sweep(store)
            await check(store, what, notification, answered=True)
            await leaves_nothing(scene)
        if not stopped:
            assert k > LEAST
            return
