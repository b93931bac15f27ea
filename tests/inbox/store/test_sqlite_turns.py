"""What one user asks of the only writer, or of the only reader, others do not wait for but once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from inbox.model import Mark
from inbox.store.sqlite import SqliteStore, reads
from tests.audit import read_items
from tests.contracts.filling import publish_many
from tests.samples import stream_of, submission

pytestmark = pytest.mark.anyio

ANNA, BEN = stream_of("anna"), stream_of("ben")
AT_ONCE = 5


async def order(works: Sequence[tuple[str, Callable[[], Awaitable[Any]]]], held: Any) -> list[str]:
    """The names of ``works`` as they come to their end, all begun in this order while ``held`` holds them up."""
    done: list[str] = []

    async def do(name: str, work: Callable[[], Awaitable[Any]]) -> None:
        await work()
        done.append(name)

    async with held:
        tasks = [asyncio.create_task(do(*each)) for each in works]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return done


@asynccontextmanager
async def writer_held(store: SqliteStore) -> AsyncIterator[None]:
    end = threading.Event()
    holding = asyncio.create_task(store._writer.run(lambda db: end.wait()))
    await asyncio.sleep(0)
    yield
    end.set()
    await holding


@asynccontextmanager
async def reader_held(store: SqliteStore) -> AsyncIterator[None]:
    end = threading.Event()
    holding = asyncio.get_running_loop().run_in_executor(store._reader, end.wait)
    yield
    end.set()
    await holding


async def test_who_marks_all_again_and_again_has_one_such_mark_before_the_writer(sqlite_store: SqliteStore) -> None:
    marks = [("anna", lambda: sqlite_store.mark(ANNA, Mark("seen", upto=0)))] * AT_ONCE
    publish = ("ben", lambda: sqlite_store.publish(submission("ben")))

    assert (await order([*marks, publish], writer_held(sqlite_store))).index("ben") == 1


async def test_who_looks_far_again_and_again_has_one_such_page_before_the_reader(sqlite_store: SqliteStore) -> None:
    for _ in range(reads.NEAR + 1):
        await sqlite_store.publish(submission("anna", "ben"))
    far = [("anna", lambda: sqlite_store.page(ANNA, limit=1, category="none"))] * AT_ONCE
    other = ("ben", lambda: sqlite_store.page(BEN, limit=1, category="none"))

    assert (await order([*far, other], reader_held(sqlite_store))).index("ben") == 1


async def test_marks_of_one_user_come_in_their_order_by_ids_or_of_all(sqlite_store: SqliteStore) -> None:
    ids = await publish_many(sqlite_store, 2)
    marks = [Mark("read", upto=2), Mark("unread", upto=2), Mark("read", ids=(ids[0],))]
    works = [(each.op, lambda each=each: sqlite_store.mark(ANNA, each)) for each in marks]

    assert await order(works, writer_held(sqlite_store)) == ["read", "unread", "read"]
    assert {item.id for item in await read_items(sqlite_store, ANNA) if item.read_at is not None} == {ids[0]}


async def test_the_locks_go_with_those_who_wait_for_them(sqlite_store: SqliteStore) -> None:
    await sqlite_store.mark(ANNA, Mark("seen", upto=0))

    assert not sqlite_store._turns_to_mark
