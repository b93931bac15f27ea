"""What every store promises about notifications that are taken back, and about those whose time is over."""

import pytest

from inbox.model import Counts, Mark
from inbox.store.base import Store
from inbox.times import now_ms
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, make_topic, state_of, work_off
from tests.samples import TENANT, Recorder, stream_of, submission
from tests.waiting import until

pytestmark = pytest.mark.anyio

MANY = [f"user-{n:04d}" for n in range(1_200)]


async def test_a_cancelled_notification_leaves_every_inbox(store: Store) -> None:
    await fill(store, 1)
    made = submission("anna", "ben")
    await store.publish(made)
    done = await store.cancel(TENANT, made.notification.id)
    assert done is not None
    assert (done.state, done.total) == ("cancelled", 2)
    for user, left in (("anna", 1), ("ben", 0)):
        found = await audit(store, stream_of(user))
        assert (found.log[-1].kind, found.log[-1].reason) == ("removed", "cancelled")
        assert found.head.counts == Counts(left, left)
        assert len(found.items) == left


async def test_a_cancel_is_announced(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    recorder = Recorder()
    store.outlet = recorder
    await store.cancel(TENANT, made.notification.id)
    (entry,) = recorder.entries[ANNA]
    assert (entry.kind, entry.seq, entry.counts, entry.reason) == ("removed", 2, Counts(), "cancelled")


async def test_a_cancel_twice_is_a_cancel_once(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    first = await store.cancel(TENANT, made.notification.id)
    assert await store.cancel(TENANT, made.notification.id) == first
    assert (await audit(store, ANNA)).head.seq == 2


async def test_a_cancel_counts_right_whatever_was_read(store: Store) -> None:
    await fill(store, 1)
    made = submission("anna")
    await store.publish(made)
    await store.mark(ANNA, Mark("read", upto=2))
    await store.cancel(TENANT, made.notification.id)
    assert (await audit(store, ANNA)).head.counts == Counts(0, 0)


async def test_what_a_user_removed_is_not_removed_again(store: Store) -> None:
    made = submission("anna", "ben")
    await store.publish(made)
    await store.mark(ANNA, Mark("remove", upto=1))
    await store.cancel(TENANT, made.notification.id)
    assert (await audit(store, ANNA)).head.seq == 2
    assert (await audit(store, stream_of("ben"))).head.seq == 2


async def test_a_notification_of_another_tenant_is_not_cancelled(store: Store) -> None:
    made = submission("anna")
    await store.publish(made)
    assert await store.cancel("other", made.notification.id) is None
    assert await store.cancel(TENANT, "nothing") is None
    assert len((await audit(store, ANNA)).items) == 1


async def test_a_scheduled_notification_that_is_cancelled_is_never_sent(store: Store) -> None:
    made = submission("anna", send_at=now_ms() + 2_000)
    await store.publish(made)
    done = await store.cancel(TENANT, made.notification.id)
    assert done is not None
    assert done.state == "cancelled"
    await until(lambda: now_ms() > (made.send_at or 0))
    await work_off(store)
    assert await state_of(store, made.notification.id) == ("cancelled", 1, 0)
    assert (await audit(store, ANNA)).log == []


async def test_a_cancelled_fan_out_stops_and_takes_back_what_it_did(store: Store) -> None:
    await make_topic(store, "news", *MANY)
    made = submission(topic="news")
    await store.publish(made)
    await store.work()
    await store.cancel(TENANT, made.notification.id)
    await work_off(store)
    state, total, fanned_out = await state_of(store, made.notification.id)
    assert (state, total) == ("cancelled", 1_200)
    assert fanned_out < 1_200
    heads = [await audit(store, stream_of(user)) for user in MANY[::40]]
    assert {(len(found.items), found.head.counts) for found in heads} == {(0, Counts())}
    assert {found.head.seq for found in heads} == {0, 2}


async def test_a_cancelled_topic_leaves_those_who_left_the_topic_too(store: Store) -> None:
    await make_topic(store, "news", "anna", "ben")
    made = submission(topic="news")
    await store.publish(made)
    await work_off(store)
    await store.change_members(TENANT, "news", [], ["anna"])
    await store.cancel(TENANT, made.notification.id)
    await work_off(store)
    assert [(await audit(store, stream_of(user))).items for user in ("anna", "ben")] == [[], []]


async def test_a_retry_of_a_cancelled_publish_brings_nothing_back(store: Store) -> None:
    receipt = await store.publish(submission("anna", key="k"))
    await store.cancel(TENANT, receipt.id)
    assert await store.publish(submission("anna", key="k")) == receipt
    await work_off(store)
    assert (await audit(store, ANNA)).items == []


async def test_a_notification_leaves_when_it_expires(store: Store) -> None:
    kept, made = submission("anna"), submission("anna", "ben", expires_at=now_ms() + 400)
    await store.publish(made)
    await store.publish(kept)

    async def expired() -> bool:
        await store.work()
        return (await state_of(store, made.notification.id))[0] == "expired"

    await until(expired)
    await work_off(store)
    assert now_ms() >= (made.notification.expires_at or 0)
    found = await audit(store, ANNA)
    assert [item.notification.id for item in found.items] == [kept.notification.id]
    assert (found.log[-1].kind, found.log[-1].reason, found.head.counts) == ("removed", "expired", Counts(1, 1))
    assert (await audit(store, stream_of("ben"))).items == []


async def test_readers_ignore_the_clock_until_the_item_was_removed(store: Store) -> None:
    made = submission("anna", expires_at=now_ms() + 1_000)
    await store.publish(made)
    await until(lambda: now_ms() > (made.notification.expires_at or 0))
    found = await audit(store, ANNA)
    assert [item.notification.expires_at for item in found.items] == [made.notification.expires_at]


async def test_a_live_notification_waits_for_its_end(store: Store) -> None:
    await store.publish(submission("anna", expires_at=now_ms() + 3_600_000))
    wait_s = await work_off(store)
    assert wait_s is not None
    assert 3_000 < wait_s <= 3_601


async def test_a_cancelled_notification_does_not_expire_as_well(store: Store) -> None:
    made = submission("anna", expires_at=now_ms() + 2_000)
    await store.publish(made)
    await store.cancel(TENANT, made.notification.id)
    await until(lambda: now_ms() > (made.notification.expires_at or 0))
    await work_off(store)
    assert (await state_of(store, made.notification.id))[0] == "cancelled"
    assert (await audit(store, ANNA)).head.seq == 2
