"""A writer stopped before any of its commands, while others write and trim, and continued: nothing is reused,
doubled or resurrected.

The stop is short. What makes 90 s dangerous is that the log is trimmed meanwhile, and here it is trimmed at once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from inbox.model import Entry, Mark, MarkOp
from inbox.store.base import Store
from inbox.store.mongo import MongoStore
from tests.audit import audit
from tests.inbox.store.mongo import Scene
from tests.inbox.store.steps import steps
from tests.samples import stream_of, submission
from tests.servers.mongo import MongoServer
from tests.waiting import until
from tests.writers.changes import KEY, USERS
from tests.writers.forked import Writer
from tests.writers.mongo_writer import KEEP_S

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient_sweep")]

ANNA = stream_of("anna")
STREAMS = [stream_of(user) for user in USERS]


class Memory:
    """Every entry ever read, by stream and number: a number that changes its meaning is an error."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, Entry]] = {stream: {} for stream in STREAMS}

    async def read(self, store: Store) -> None:
        """To be called before each trim, so that nothing is gone unread."""
        for stream, known in self.entries.items():
            (head,) = await store.heads([stream])
            more = True
            while more:
                changes = await store.changes(stream, max(known, default=0), head.epoch, 500)
                known.update({entry.seq: entry for entry in changes.entries})
                more = changes.more

    def log(self, stream: str) -> list[Entry]:
        return list(self.entries[stream].values())

    def created(self, stream: str) -> list[str]:
        return [entry.item.notification.id for entry in self.log(stream) if entry.item is not None]


async def live_on(scene: Scene, store: MongoStore, memory: Memory) -> None:
    """What happens to the streams while the writer stands still: it is finished for, undone and trimmed away."""
    await scene.sweep(store)
    for _ in range(4):
        await store.publish(submission(*USERS))
    undo: tuple[MarkOp, ...] = ("unread", "unarchive")
    for op in undo:
        await store.mark(ANNA, Mark(op, upto=10_000))
    await scene.sweep(store)
    await memory.read(store)
    await anyio.sleep(2 * KEEP_S)  # entries must be older than that to go
    for keep in (3, 1):
        while await store.trim(keep, KEEP_S):
            pass


async def stopped_or_over(writer: Writer) -> bool:
    """Wait until the writer has stopped itself (True) or come to its end."""
    await until(lambda: writer.returncode is not None or writer.is_stopped(), timeout_s=30)
    return writer.returncode is None


@asynccontextmanager
async def stopped_meanwhile(writer: Writer) -> AsyncIterator[bool]:
    """The body runs while the writer stands still (True) or after its end; then it goes on and must end well."""
    stopped = await stopped_or_over(writer)
    try:
        yield stopped
    finally:
        if stopped:
            writer.go_on()
    assert await writer.wait() == 0


async def every_stop(url: str, what: str, commands: int) -> AsyncIterator[tuple[Scene, MongoStore, Memory]]:
    """Stop the writer before each of its commands, let the streams live on, continue it and wait for its end.

    :param commands: how many it has at least: fewer were seen, nothing was tested.
    """
    for k in steps():
        scene, memory = Scene(url, log_keep_s=KEEP_S), Memory()
        async with scene.store() as store:
            for _ in range(4):
                await store.publish(submission("anna"))
            async with stopped_meanwhile(await scene.writer(what, "stop", k)) as stopped:
                await live_on(scene, store, memory)
            await scene.sweep(store)
            await memory.read(store)
            yield scene, store, memory
        if not stopped:
            assert k > commands
            return


async def judge(store: MongoStore, memory: Memory) -> None:
    """Each stream is exact over all entries it ever had."""
    for stream in STREAMS:
        await audit(store, stream, memory.log(stream))


@pytest.mark.parametrize("what", ["publish_one", "publish"])
async def test_a_publish_that_was_stopped_and_continued_is_there_once(mongo: MongoServer, what: str) -> None:
    async for _, store, memory in every_stop(mongo.url, what, commands=8):
        await judge(store, memory)
        users = USERS if what == "publish" else USERS[:1]
        receipt = await store.publish(submission(*users, key=KEY))
        assert [memory.created(stream_of(user)).count(receipt.id) for user in users] == [1] * len(users)
        await judge(store, memory)


@pytest.mark.parametrize("what", ["mark", "remove", "mark_many"])
async def test_a_mark_that_was_stopped_and_continued_leaves_an_exact_stream(mongo: MongoServer, what: str) -> None:
    async for _, store, memory in every_stop(mongo.url, what, commands=6):
        await judge(store, memory)
