"""What every store promises about publishing to a topic, and about publishing later."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from inbox.errors import IdempotencyConflict, NotFound
from inbox.model import Submission
from inbox.store.base import Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import make_topic, state_of, work_off
from tests.samples import TENANT, Recorder, stream_of, submission
from tests.waiting import until

pytestmark = pytest.mark.anyio

MANY = [f"user-{n:04d}" for n in range(1_200)]


async def reached(store: Store, users: list[str], made: Submission) -> list[int]:
    """How often the notification is in each user's inbox; every inbox is found exact."""
    audits = [await audit(store, stream_of(user)) for user in users]
    return [sum(item.notification.id == made.notification.id for item in found.items) for found in audits]


async def test_a_publish_to_a_topic_reaches_each_member_once(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    receipt = await store.publish(made)
    assert (receipt.id, receipt.total) == (made.notification.id, 1_200)
    assert await state_of(store, receipt.id) == ("running", 1_200, 0)
    await work_off(store)
    assert await state_of(store, receipt.id) == ("done", 1_200, 1_200)
    assert await reached(store, MANY[::40], made) == [1] * 30
    heads = await store.heads([stream_of(user) for user in MANY[:1_000]])
    assert {head.seq for head in heads} == {1}


async def test_a_topic_is_published_to_in_bounded_pieces(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    await store.publish(made)
    seen: set[int] = set()
    while await store.work() == 0:
        seen.add((await state_of(store, made.notification.id))[2])
    assert any(0 < n < 1_200 for n in seen), "all members were reached in one piece"


async def test_an_empty_topic_is_done_at_once(store: Store) -> None:
    await make_topic(store, "news")
    receipt = await store.publish(submission(topic="news"))
    await work_off(store)
    assert await state_of(store, receipt.id) == ("done", 0, 0)


async def test_a_topic_that_is_not_there_is_not_published_to(store: Store) -> None:
    made = submission(topic="nowhere")
    with pytest.raises(NotFound):
        await store.publish(made)
    assert await store.progress(TENANT, made.notification.id) is None
    await make_topic(store, "news", "anna", tenant="other")
    with pytest.raises(NotFound):
        await store.publish(submission(topic="news"))


async def test_several_workers_reach_each_member_once(store: Store, new_store: Callable[[], Store]) -> None:
    await make_topic(store, "news", *MANY[:600])
    made = submission(topic="news")
    await store.publish(made)
    async with AsyncExitStack() as stack:
        others = [new_store() for _ in range(2)]
        for other in others:
            await other.open()
            stack.push_async_callback(other.close)
        await asyncio.gather(*(work_off(each) for each in (store, *others)))
        await work_off(store)
    assert await reached(store, MANY[:600:20], made) == [1] * 30
    assert await state_of(store, made.notification.id) == ("done", 600, 600)


async def test_a_member_who_comes_or_goes_meanwhile_gets_it_at_most_once(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    await store.publish(made)
    await store.work()
    await store.change_members(TENANT, "news", ["aaron", "zoe"], MANY[:10] + MANY[-10:])
    await store.change_members(TENANT, "news", MANY[:10] + MANY[-10:], [])
    await work_off(store)
    moved = ["aaron", "zoe", *MANY[:10], *MANY[-10:]]
    assert set(await reached(store, moved, made)) <= {0, 1}
    assert await reached(store, MANY[10:1190:60], made) == [1] * 20


async def test_a_topic_dropped_meanwhile_ends_the_fan_out(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    await store.publish(made)
    await store.work()
    await store.drop_topic(TENANT, "news")
    await work_off(store)
    state, total, fanned_out = await state_of(store, made.notification.id)
    assert (state, total) == ("done", 1_200)
    assert fanned_out <= 1_200


async def test_a_topic_s_fan_out_is_announced(store: Store) -> None:
    await make_topic(store, "news", "anna", "ben")
    recorder = Recorder(wanted=[stream_of("anna")])
    store.outlet = recorder
    await store.publish(submission(topic="news"))
    await work_off(store)
    assert [entry.kind for entry in recorder.entries[stream_of("anna")]] == ["created"]
    assert stream_of("ben") not in recorder.entries


async def test_a_repeated_key_publishes_to_a_topic_once(store: Store) -> None:
    await make_topic(store, "news", "anna")
    first = await store.publish(submission(topic="news", key="k"))
    assert await store.publish(submission(topic="news", key="k")) == first
    await work_off(store)
    assert await store.publish(submission(topic="news", key="k")) == first
    await work_off(store)
    assert len((await audit(store, stream_of("anna"))).items) == 1
    other = replace(submission("anna", key="k"), body_hash=b"another body")
    with pytest.raises(IdempotencyConflict):
        await store.publish(other)


async def test_a_notification_waits_for_its_time(store: Store) -> None:
    made = submission("anna", "ben", send_at=now_ms() + 3_600_000)
    receipt = await store.publish(made)
    assert (receipt.id, receipt.total) == (made.notification.id, 2)
    wait_s = await work_off(store)
    assert wait_s is not None
    assert 3_000 < wait_s <= 3_601
    assert (await audit(store, stream_of("anna"))).items == []
    found = await store.progress(TENANT, receipt.id)
    assert found is not None
    assert (found.state, found.total, found.fanned_out, found.send_at) == ("scheduled", 2, 0, made.send_at)


async def test_a_notification_is_sent_when_its_time_has_come(store: Store) -> None:
    made = submission("anna", "ben", send_at=now_ms() + 2_000)
    await store.publish(made)
    assert await state_of(store, made.notification.id) == ("scheduled", 2, 0)

    async def sent() -> bool:
        await store.work()
        return await state_of(store, made.notification.id) == ("done", 2, 2)

    await until(sent)
    assert now_ms() >= (made.send_at or 0)
    assert await reached(store, ["anna", "ben"], made) == [1, 1]


async def test_a_topic_is_published_to_when_the_time_has_come_to_those_in_it_then(store: Store) -> None:
    await make_topic(store, "news", "anna")
    made = submission(topic="news", send_at=now_ms() + 2_000)
    await store.publish(made)
    await store.change_members(TENANT, "news", ["ben"], ["anna"])

    async def sent() -> bool:
        await store.work()
        return (await state_of(store, made.notification.id))[0] == "done"

    await until(sent)
    assert await reached(store, ["anna", "ben"], made) == [0, 1]


async def test_what_is_scheduled_survives_its_process(store: Store, new_store: Callable[[], Store]) -> None:
    made = submission("anna", send_at=now_ms() + 200)
    first = new_store()
    await first.open()
    await first.publish(made)
    await first.close()

    async def sent() -> bool:
        await store.work()
        return await state_of(store, made.notification.id) == ("done", 1, 1)

    await until(sent)


async def test_a_repeated_key_schedules_once(store: Store) -> None:
    first = await store.publish(submission("anna", key="k", send_at=now_ms() + 3_600_000))
    assert await store.publish(submission("anna", key="k", send_at=now_ms() + 3_600_000)) == first
    assert (await audit(store, stream_of("anna"))).items == []
