"""What every store promises about a user who is erased."""

import asyncio

import pytest

from inbox.errors import StreamReset
from inbox.model import Counts, Mark, User
from inbox.store.base import Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, head_of, make_topic, state_of, work_off
from tests.samples import TENANT, Recorder, retitled, stream_of, submission
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def erase(store: Store, stream: str = ANNA) -> None:
    """Erase to the end."""
    if not await store.erase(stream):
        await work_off(store)


async def test_an_erased_inbox_is_empty_and_goes_on_in_another_epoch(store: Store) -> None:
    await fill(store, 3)
    before = await head_of(store)
    await erase(store)
    after = await head_of(store)
    assert after.epoch != before.epoch
    assert after.seq > before.seq
    assert after.counts == Counts()
    assert (await store.page(ANNA, limit=100, status="all")).items == ()


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_every_cursor_from_before_an_erasure_is_reset(store: Store, limit: int) -> None:
    await fill(store, 3)
    before = await head_of(store)
    await erase(store)
    after = await head_of(store)
    for epoch, since in ((before.epoch, 3), (after.epoch, 0), (after.epoch, 3), (after.epoch, after.seq - 1)):
        with pytest.raises(StreamReset):
            await store.changes(ANNA, since, epoch, limit)
    assert (await store.changes(ANNA, after.seq, after.epoch, limit)).entries == ()


async def test_an_erasure_is_announced_in_the_new_epoch(store: Store) -> None:
    await fill(store, 2)
    recorder = Recorder()
    store.outlet = recorder
    await erase(store)
    (entry,) = recorder.entries[ANNA]
    assert (entry.kind, entry.seq, entry.counts) == ("erased", 3, Counts())
    assert recorder.epochs == {(await head_of(store)).epoch}


async def test_a_stream_is_written_again_after_an_erasure(store: Store) -> None:
    old = await fill(store, 3)
    await erase(store)
    erased = await head_of(store)
    (new,) = await fill(store, 1)
    found = await audit(store, ANNA)
    assert [item.id for item in found.items] == [new]
    assert (found.head.seq, found.head.epoch) == (erased.seq + 1, erased.epoch)
    done = await store.mark(ANNA, Mark("read", ids=(old[0], new)))
    assert (done.changed, done.missing) == ((new,), (old[0],))
    await store.mark(ANNA, Mark("archive", upto=1_000))
    assert (await audit(store, ANNA)).head.counts == Counts()


async def test_an_erasure_takes_the_profile_and_the_memberships(store: Store) -> None:
    await store.put_users(TENANT, [User("anna", locale="de"), User("ben")])
    await make_topic(store, "news", "anna", "ben")
    await fill(store, 1)
    await erase(store)
    assert await store.user(TENANT, "anna") is None
    assert await store.user(TENANT, "ben") is not None
    found = await store.members(TENANT, "news", None, 10)
    assert found is not None
    assert found.items == ("ben",)
    topic = await store.topic(TENANT, "news")
    assert topic is not None
    assert topic.members == 1


async def test_a_user_without_an_inbox_is_erased_too(store: Store) -> None:
    await store.put_users(TENANT, [User("anna", locale="de")])
    await make_topic(store, "news", "anna")
    await erase(store)
    assert await store.user(TENANT, "anna") is None
    assert (await store.topics_of(ANNA, None, 10)).items == ()


async def test_erasing_somebody_unknown_is_no_error(store: Store) -> None:
    assert await store.erase(stream_of("nobody"))
    assert (await head_of(store, stream_of("nobody"))).counts == Counts()


async def test_other_users_are_left_alone(store: Store) -> None:
    made = submission("anna", "ben", "anna2")
    await store.publish(made)
    await erase(store)
    for user in ("ben", "anna2"):
        found = await audit(store, stream_of(user))
        assert (found.head.seq, len(found.items)) == (1, 1)
    await store.publish(submission("anna", tenant="other"))
    await erase(store, stream_of("anna"))
    assert (await head_of(store, stream_of("anna", "other"))).counts == Counts(1, 1)


async def test_who_is_erased_does_not_get_what_waits_for_its_time(store: Store) -> None:
    await fill(store, 1)
    made = submission("anna", "ben", send_at=now_ms() + 2_000)
    await store.publish(made)
    await erase(store)
    assert (await state_of(store, made.notification.id))[:2] == ("scheduled", 1)

    async def sent() -> bool:
        await store.work()
        return (await state_of(store, made.notification.id))[0] == "done"

    await until(sent)
    assert (await audit(store, ANNA)).items == []
    assert len((await audit(store, stream_of("ben"))).items) == 1


async def test_jobs_of_a_notification_pass_an_erased_inbox_by(store: Store) -> None:
    made = submission("anna", "ben")
    await store.publish(made)
    await erase(store)
    erased = await head_of(store)
    await store.amend(TENANT, made.notification.id, retitled("Better"))
    await store.cancel(TENANT, made.notification.id)
    await work_off(store)
    assert await head_of(store) == erased
    assert (await audit(store, stream_of("ben"))).head.seq == 3


async def test_a_publish_beside_an_erasure_is_before_or_after_it(store: Store) -> None:
    await fill(store, 2)
    made = [submission("anna", "ben") for _ in range(6)]
    await asyncio.gather(*(store.publish(one) for one in made[:3]), store.erase(ANNA))
    await asyncio.gather(*(store.publish(one) for one in made[3:]))
    await work_off(store)
    found = await audit(store, ANNA)
    assert {one.notification.id for one in made[3:]} <= {item.notification.id for item in found.items}
    assert len((await audit(store, stream_of("ben"))).items) == 6


async def test_an_erased_stream_can_be_erased_again(store: Store) -> None:
    await fill(store, 1)
    await erase(store)
    await fill(store, 1)
    before = await head_of(store)
    await erase(store)
    after = await head_of(store)
    assert (after.epoch != before.epoch, after.counts) == (True, Counts())
    assert (await audit(store, ANNA)).items == []


async def test_trimming_goes_on_after_an_erasure(store: Store) -> None:
    await fill(store, 5)
    await erase(store)
    await fill(store, 5)
    recorder = Recorder()
    store.outlet = recorder
    log = (await audit(store, ANNA)).log
    while await store.trim(2, 0.0):
        pass
    found = await audit(store, ANNA, log)
    assert len(found.items) == 5
