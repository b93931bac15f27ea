"""A writer stopped before any of its commands, while others change their minds about the same things, and continued.

What is due meanwhile is done, but nobody sweeps up after the writer before it goes on. Whoever was first, the end is
one of the orders in which all of it could have been done.
"""

import random
from collections.abc import Collection
from contextlib import suppress

import pytest

from inbox.errors import Conflict
from inbox.model import Mark
from inbox.store.mongo import MongoStore
from tests.audit import Audit, replay
from tests.contracts.filling import work_off
from tests.inbox.store.mongo import Scene
from tests.inbox.store.promises import everybody, leaves_nothing, who_has
from tests.inbox.store.steps import steps
from tests.inbox.store.test_mongo_stop import stopped_meanwhile
from tests.samples import TENANT, retitled, stream_of, submission, title_of
from tests.servers.mongo import MongoServer
from tests.writers.changes import CHANGES, KEY, USERS, set_scene

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient_sweep")]

ANNA = stream_of("anna")
RIVALS = ("cancel", "amend", "take over", "read", "erase")


async def rival(store: MongoStore, what: str, notification: str) -> str | None:
    """Change something; the id of the notification that was published, if one was."""
    match what:
        case "cancel":
            await store.cancel(TENANT, notification)
        case "amend":
            with suppress(Conflict):
                await store.amend(TENANT, notification, retitled("By a rival"))
        case "take over":
            return (await store.publish(submission(*USERS, collapse_key="likes", actor="Cid"))).id
        case "read":
            await store.mark(ANNA, Mark("read", upto=10_000))
        case "erase":
            await store.erase(ANNA)
    return None


async def judge(store: MongoStore, found: dict[str, Audit], id: str, users: Collection[str]) -> None:
    """A notification to ``users`` is nowhere if it is over; else it came to all of them, and is shown as it is now."""
    progress = await store.progress(TENANT, id)
    assert progress is not None
    if progress.state in ("cancelled", "expired"):
        assert who_has(found, id) == []
        return
    for log in (found[user].log for user in users):
        assert id in replay(log, seq=log[0].seq - 1).notifications
    shown = [item.notification for each in found.values() for item in each.items if item.notification.id == id]
    assert all(one == progress.notification for one in shown)


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_that_was_stopped_and_met_by_rivals_ends_as_if_they_took_turns(
    mongo: MongoServer, what: str
) -> None:
    for k in steps():
        scene, rivals = Scene(mongo.url), random.sample(RIVALS, 2)
        print(f"stopped before {k}, meanwhile {rivals}")  # noqa: T201  a test that fails shows it
        async with scene.store() as store:
            notification = await set_scene(store, what)
            async with stopped_meanwhile(await scene.writer(what, "stop", k)) as stopped:
                published = [await rival(store, one, notification) for one in rivals]
                await work_off(store)
            if what == "collapse":
                published.append((await store.publish(submission(*USERS, key=KEY))).id)
            await scene.sweep(store)
            found = await everybody(store)
            is_erased = "erase" in (what, *rivals)
            await judge(store, found, notification, () if what == "collapse" else USERS[is_erased:])
            for one in filter(None, published):
                await judge(store, found, one, USERS[is_erased:])
            if is_erased:
                assert "Older" not in [title_of(item) for item in found["anna"].items]
                await leaves_nothing(scene)
        if not stopped:
            return
