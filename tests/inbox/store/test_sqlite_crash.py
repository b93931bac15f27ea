"""A writer killed at every point of a write leaves all of it or nothing."""

import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from inbox.model import Mark
from inbox.store.sqlite import SqliteStore
from tests.audit import Audit, audit
from tests.contracts.filling import work_off
from tests.inbox.store.promises import check
from tests.inbox.store.steps import steps
from tests.samples import stream_of, submission
from tests.writers import sqlite_writer
from tests.writers.changes import CHANGES, KEY, USERS, set_scene
from tests.writers.forked import forked

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def filled(directory: Path, n: int) -> Path:
    """A database in which anna has ``n`` items, one of them read."""
    path = directory / "filled" / "bellwire.sqlite3"
    async with opened(path) as store:
        async with anyio.create_task_group() as tasks:
            for _ in range(n):
                tasks.start_soon(store.publish, submission("anna"))
        await store.mark(ANNA, Mark("read", upto=1))
    return path


async def killed_at(path: Path, what: str, k: int) -> tuple[bool, Path]:
    """Run the writer on a copy of the database; whether it was killed, and the copy."""
    copy = path.parent.parent / f"{what}-{k}" / path.name
    shutil.copytree(path.parent, copy.parent)
    ended = await (await forked(sqlite_writer.main, copy, what, k)).wait()
    assert ended in (0, -signal.SIGKILL)
    return ended != 0, copy


async def every_crash(path: Path, what: str, statements: int) -> AsyncIterator[tuple[bool, Path]]:
    """Kill the writer after its commit, then before each statement until it comes through.

    :param statements: the fewest that the write can consist of: fewer were seen, nothing was tested.
    :returns: whether the write must be there, and the database.
    """
    killed, copy = await killed_at(path, what, 0)
    assert killed
    yield True, copy
    for k in steps():
        killed, copy = await killed_at(path, what, k)
        yield not killed, copy
        if not killed:
            assert k > statements
            return


async def test_a_killed_publish_is_nowhere_or_everywhere_and_its_retry_completes_it(tmp_path: Path) -> None:
    path = await filled(tmp_path, 3)
    async for done, copy in every_crash(path, "publish", statements=8):
        async with opened(copy) as store:
            found = [len((await audit(store, stream_of(user))).items) for user in USERS]
            assert found == ([4, 1, 1] if done else [3, 0, 0])
            await store.publish(submission(*USERS, key=KEY))
            assert [len((await audit(store, stream_of(user))).items) for user in USERS] == [4, 1, 1]


async def outcomes(path: Path, what: str, statements: int) -> AsyncIterator[tuple[bool, Audit]]:
    async for done, copy in every_crash(path, what, statements):
        async with opened(copy) as store:
            yield done, await audit(store, ANNA)


@pytest.mark.parametrize(("what", "items"), [("mark", 3), ("mark_many", 520)])
async def test_a_killed_mark_is_made_or_not(tmp_path: Path, what: str, items: int) -> None:
    path = await filled(tmp_path, items)
    async with opened(path) as store:
        before = await audit(store, ANNA)
    async for done, found in outcomes(path, what, statements=8):
        assert found.head.seq == before.head.seq + done
        assert (found == before) is not done


@pytest.mark.parametrize("what", CHANGES)
async def test_a_killed_change_is_made_everywhere_or_nowhere_once_others_have_worked(tmp_path: Path, what: str) -> None:
    path = tmp_path / "filled" / "bellwire.sqlite3"
    async with opened(path) as store:
        notification = await set_scene(store, what)
    async for done, copy in every_crash(path, what, statements=8):
        async with opened(copy) as store:
            await work_off(store)
            await check(store, what, notification, answered=done)
