"""Many streams at once are what each of them is alone."""

import random

import pytest

from inbox.errors import StreamReset
from inbox.model import Changes, Cursor, Mark
from inbox.store.base import CATCH_UP_MAX, Store
from tests.contracts.filling import ANNA, fill, head_of, work_off
from tests.contracts.test_store_trim import trim_to
from tests.samples import stream_of, submission

pytestmark = pytest.mark.anyio


async def alone(store: Store, stream: str, cursor: Cursor, limit: int) -> Changes | None:
    try:
        return await store.changes(stream, cursor.seq, cursor.epoch, limit)
    except StreamReset:
        return None


async def test_each_stream_is_answered_as_if_it_were_alone(store: Store) -> None:
    users = [f"user-{number}" for number in range(12)]
    for number, user in enumerate(users):
        await fill(store, number % 5, user)
    await store.publish(submission(*users))
    await store.mark(stream_of(users[3]), Mark("read", upto=1))
    await store.erase(stream_of(users[5]))
    await work_off(store)
    chance = random.Random(4)
    for limit in (1, 3, 500):
        streams = [*map(stream_of, users), stream_of("nobody")]
        chance.shuffle(streams)
        heads = await store.heads(streams)
        wanted = [
            (stream, Cursor(chance.choice([head.epoch] * 5 + ["foreign"]), chance.randint(0, head.seq + 1)))
            for stream, head in zip(streams, heads, strict=True)
        ]
        expected = [await alone(store, stream, cursor, limit) for stream, cursor in wanted]
        assert await store.catch_up(wanted, limit) == expected
        assert None in expected
        assert any(found is not None and found.entries for found in expected)


async def test_as_many_as_it_takes_at_once_are_answered_in_the_order_asked(store: Store) -> None:
    users = [f"user-{number:02}" for number in range(CATCH_UP_MAX)]
    await store.publish(submission(*users))
    epoch = (await head_of(store)).epoch
    found = await store.catch_up([(stream_of(user), Cursor(epoch, 0)) for user in users], 20)
    items = [changes.entries[0].item for changes in found if changes is not None]
    expected = [(await store.page(stream_of(user), limit=1)).items[0].id for user in users]
    assert [item.id for item in items if item is not None] == expected


async def test_a_cursor_before_what_was_trimmed_is_none(store: Store) -> None:
    await fill(store, 8)
    await trim_to(store, 6, 2)
    epoch = (await head_of(store)).epoch
    (found,) = await store.catch_up([(ANNA, Cursor(epoch, 1))], 20)
    assert found is None


async def test_nobody_asks_for_nothing(store: Store) -> None:
    assert await store.catch_up([], 20) == []
