"""Filling a store before the test."""

import asyncio

from inbox.ids import item_id
from inbox.model import Head
from inbox.store.base import Store
from tests.audit import read_items
from tests.samples import TENANT, stream_of, submission

ANNA = stream_of("anna")


async def head_of(store: Store, stream: str = ANNA) -> Head:
    return (await store.heads([stream]))[0]


async def fill(store: Store, n: int, user: str = "anna", category: str = "news") -> list[str]:
    """Publish ``n`` notifications to ``user``, one after the other; their item ids, oldest first."""
    made = [submission(user, category=category) for _ in range(n)]
    for one in made:
        await store.publish(one)
    return [item_id(stream_of(user), one.notification.id) for one in made]


async def publish_many(store: Store, n: int) -> list[str]:
    """As ``fill``, in any order and faster. 50 at once: who writes to an inbox waits for a turn, but not for ever."""
    for start in range(0, n, 50):
        await asyncio.gather(*(store.publish(submission("anna")) for _ in range(start, min(n, start + 50))))
    return [item.id for item in reversed(await read_items(store, ANNA))]


async def work_off(store: Store) -> float | None:
    """Have ``store`` do all the work that is due; when it says that more will be."""
    while (wait_s := await store.work()) == 0:
        pass
    return wait_s


async def make_topic(store: Store, topic: str, *users: str, tenant: str = TENANT) -> None:
    """A topic with ``users`` in it."""
    await store.put_topic(tenant, topic, None)
    for start in range(0, len(users), 1_000):
        await store.change_members(tenant, topic, users[start : start + 1_000], ())


async def state_of(store: Store, notification: str) -> tuple[str, int, int]:
    """A notification's state, how many it goes to, and how many it has reached."""
    found = await store.progress(TENANT, notification)
    assert found is not None
    return found.state, found.total, found.fanned_out
